/*
 * COMMON_SQL: the common tables that queries on an existing database begin with: which tables and columns Lontar
 * expects, what there is, what migration 0001 would change, where the ids come from.
 */
#ifndef TOOLS_EXISTING_SQL_H
#define TOOLS_EXISTING_SQL_H

/* A number that a query in a text gives as its column n; queries on tables that may not be there can be made so. */
#define COUNT_SQL(query) "substring(query_to_xml(" query ", true, false, '')::text FROM '<n>(-?[0-9]+)</n>')::numeric"

/* Tokens that have the form of a stored one. */
#define HASHED_SQL COUNT_SQL("'SELECT count(*) AS n FROM public.sessions WHERE token ~ ''^sha256:[0-9a-f]{64}$'''")

/* Parts of an expression whose value depends on a session's zone, or that are not known: other functions, casts. */
#define TIME_DEPENDS "'(without time zone|::(date|time|text|char)|AT TIME ZONE|EXTRACT|[a-z0-9_\"][(])'"

/*
 * The tables that Lontar needs. `use`: unique; optional, Lontar writes NULL at times; made, Lontar leaves it to its
 * default; `size` is a text's least length, 0 for any.
 */
#define EXPECTED_SQL                                                                                                   \
  "expected (t, c, kind, size, use) AS (VALUES"                                                                        \
  " ('users', 'id', 'integer', 0, ''), ('users', 'username', 'text', 50, 'unique'),"                                   \
  " ('users', 'password_hash', 'text', 255, ''), ('users', 'role', 'text', 20, ''),"                                   \
  " ('users', 'full_name', 'text', 100, 'optional'), ('users', 'created_at', 'time', 0, 'made'),"                      \
  " ('users', 'updated_at', 'time', 0, 'made'), ('sessions', 'id', 'integer', 0, ''),"                                 \
  " ('sessions', 'user_id', 'integer', 0, ''), ('sessions', 'token', 'text', 255, 'unique'),"                          \
  " ('sessions', 'expires_at', 'time', 0, ''), ('sessions', 'created_at', 'time', 0, 'made'),"                         \
  " ('subjects', 'id', 'integer', 0, ''), ('subjects', 'grade', 'integer', 0, ''),"                                    \
  " ('subjects', 'name', 'text', 100, ''), ('subjects', 'code', 'text', 50, 'unique'),"                                \
  " ('subjects', 'created_at', 'time', 0, 'made'), ('books', 'id', 'integer', 0, ''),"                                 \
  " ('books', 'subject_id', 'integer', 0, ''), ('books', 'title', 'text', 255, ''),"                                   \
  " ('books', 'filename', 'text', 255, 'optional'), ('books', 'vkp_version', 'text', 20, 'optional'),"                 \
  " ('books', 'chunk_count', 'integer', 0, ''), ('books', 'created_at', 'time', 0, 'made'),"                           \
  " ('chat_history', 'id', 'integer', 0, ''), ('chat_history', 'user_id', 'integer', 0, ''),"                          \
  " ('chat_history', 'subject_id', 'integer', 0, 'optional'), ('chat_history', 'question', 'text', 0, ''),"            \
  " ('chat_history', 'response', 'text', 0, ''), ('chat_history', 'confidence', 'real', 0, 'optional'),"               \
  " ('chat_history', 'created_at', 'time', 0, 'made')),"

/* Their columns as they are; `base` is the type below a domain, `fitting` are those that Lontar reads and writes. */
#define OURS_SQL                                                                                                       \
  " ours AS (SELECT e.*, r.oid AS rel, r.relkind, r.relowner, r.reloftype, r.relpersistence, r.relrowsecurity,"        \
  " r.reltype, a.attnum, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef, a.attgenerated, a.attidentity,"           \
  " a.attcollation, coalesce(nullif(y2.typbasetype, 0), nullif(y.typbasetype, 0), a.atttypid) AS base,"                \
  " CASE kind WHEN 'integer' THEN '{int2,int4,int8}'::regtype[] WHEN 'text' THEN '{varchar,text}'::regtype[]"          \
  " WHEN 'real' THEN '{float4,float8}'::regtype[] ELSE '{timestamp,timestamptz}'::regtype[] END::oid[] AS fitting,"    \
  " CASE kind WHEN 'text' THEN coalesce('varchar(' || nullif(size, 0) || ')', 'text') WHEN 'real' THEN"                \
  " 'double precision' WHEN 'time' THEN 'timestamp' ELSE 'integer' END AS wanted,"                                     \
  " (SELECT pg_get_expr(f.adbin, f.adrelid) FROM pg_attrdef f WHERE f.adrelid = r.oid AND f.adnum = a.attnum) AS def"  \
  " FROM expected e"                                                                                                   \
  " LEFT JOIN pg_class r ON r.relname = e.t AND r.relnamespace = 'public'::regnamespace"                               \
  " LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = e.c AND NOT a.attisdropped"                         \
  " LEFT JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_type y2 ON y2.oid = y.typbasetype),"

/* Those whose type migration 0001 changes; the same as there. */
#define CHANGING_SQL                                                                                                   \
  " changing AS (SELECT *, CASE WHEN kind = 'time' THEN 'time' WHEN c = 'id' THEN 'id' WHEN c = 'token' THEN 'token'"  \
  " ELSE 'size' END AS change FROM ours WHERE relkind = 'r' AND (atttypid = 'timestamp'::regtype AND kind = 'time'"    \
  " OR t = 'chat_history' AND c = 'id' AND atttypid IN ('integer'::regtype, 'smallint'::regtype)"                      \
  " OR t = 'sessions' AND c = 'token'"                                                                                 \
  " OR kind = 'text' AND atttypid = 'varchar'::regtype AND atttypmod > 0"                                              \
  " AND (size = 0 OR atttypmod - 4 < size))),"

/* Numbers of an id's table and sequence, whose names only the query knows. */
#define HIGHEST_SQL COUNT_SQL("format('SELECT max(id) AS n FROM public.%I', t)")
#define LOWEST_SQL COUNT_SQL("format('SELECT min(id) AS n FROM public.%I', t)")
#define NEXT_FORMAT "'SELECT last_value + CASE WHEN is_called THEN %s ELSE 0 END::numeric AS n FROM %s'"
#define NEXT_SQL COUNT_SQL("format(" NEXT_FORMAT ", seqincrement, seq::regclass)")

/* The sequences of the ids, which a column need not own, and how far they are, NULL where that may not be known. Those
 * of chats become bigint. */
#define SEQUENCE_SQL                                                                                                   \
  " id_found AS (SELECT o.*, coalesce((SELECT s.oid FROM pg_attrdef f JOIN pg_depend d ON d.objid = f.oid"             \
  " AND d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass"                                    \
  " JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S' WHERE f.adrelid = rel AND f.adnum = attnum LIMIT 1),"    \
  " (SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"   \
  " AND d.refobjid = rel AND d.refobjsubid = attnum AND d.deptype = 'i' LIMIT 1)) AS seq,"                             \
  " relkind = 'r' AND base = ANY (fitting) AND has_table_privilege(rel, 'SELECT') AS readable"                         \
  " FROM ours o WHERE c = 'id' AND attnum IS NOT NULL),"                                                               \
  " id_sequence AS (SELECT i.*, CASE WHEN readable THEN " HIGHEST_SQL " END AS highest,"                               \
  " CASE WHEN readable THEN " LOWEST_SQL " END AS lowest,"                                                             \
  " CASE WHEN t = 'chat_history' AND base <> 'bigint'::regtype AND seqmax = 2147483647 THEN 9223372036854775807"       \
  " ELSE least(seqmax, CASE WHEN base = 'smallint'::regtype THEN 32767 WHEN base = 'integer'::regtype"                 \
  " AND t <> 'chat_history' THEN 2147483647 ELSE 9223372036854775807 END) END::numeric AS bound,"                      \
  " CASE WHEN has_sequence_privilege(seq, 'SELECT') THEN " NEXT_SQL " WHEN has_sequence_privilege(seq, 'USAGE')"       \
  " THEN coalesce(pg_sequence_last_value(seq)::numeric + seqincrement, seqstart) END AS next"                          \
  " FROM id_found i LEFT JOIN pg_sequence ON seqrelid = seq),"

/*
 * What the default of a changing time becomes. A clock's time, with intervals or without, is the same instant in a
 * column with a zone; a constant, or a clock's time in the zone that is read anyway, is read in that zone; the rest is
 * not understood, and NULL.
 */
#define CLOCK                                                                                                          \
  "(now[(][)]|CURRENT_TIMESTAMP([(][0-6][)])?|(transaction|statement|clock)_timestamp[(][)]|[(]''now''::text[)])"
#define CAST "::timestamp([(][0-6][)])? with time zone"
#define CONSTANT "''[^'']*''::(timestamp([(][0-6][)])? without time zone|date)"
#define SPAN "''[^'']*''::interval( [a-z ]+)?([(][0-6][)])?"
#define FACTOR "[(]?[0-9.]+[)]?(::(double precision|numeric|integer))?"
#define TRUNCATION "date_trunc[(]''(microseconds|milliseconds|second|minute)''::text, "
#define ZONED                                                                                                          \
  "([(]" CLOCK " AT TIME ZONE ''([A-Za-z0-9_/+-]+)''::text[)]|timezone[(]''([A-Za-z0-9_/+-]+)''::text, " CLOCK "[)])"
#define DEFAULT_SQL                                                                                                    \
  " time_before AS (SELECT h.*, current_setting('lontar.time_zone', true) AS zone, replace(replace(def,"               \
  " 'without time zone', 'with time zone'), 'LOCALTIMESTAMP', 'CURRENT_TIMESTAMP') AS plain,"                          \
  " (regexp_match(def, '^[(]*" ZONED "'))[5] AS zone_after, (regexp_match(def, '^[(]*" ZONED "'))[6] AS zone_first"    \
  " FROM changing h WHERE change = 'time' AND atthasdef),"                                                             \
  " time_read AS (SELECT *, coalesce(zone_after, zone_first) AS its_zone FROM time_before),"                           \
  " time_default AS (SELECT t, c, def, nullif(its_zone, zone) AS other_zone,"                                          \
  " CASE WHEN def ~ '^NULL::' THEN 'NULL'"                                                                             \
  " WHEN plain ~ '^([(]|[)]|" CLOCK "|" CAST "| [-+*/] |" SPAN "|" FACTOR "|" TRUNCATION                               \
  "|make_interval[(]|[a-z]+ => |, )+$' AND regexp_replace(plain, '" CLOCK "', '') !~ '" CLOCK "'"                      \
  " AND plain ~ '" CLOCK "' THEN plain"                                                                                \
  " WHEN def ~ '^[(]*" CONSTANT "([)]| [-+] " SPAN ")*$' OR def ~ '^[(]*" ZONED "([)]| [-+] " SPAN ")*$'"              \
  " AND (lower(its_zone) = lower(zone) OR NOT EXISTS (SELECT FROM unnest(ARRAY[its_zone, zone]) z"                     \
  " WHERE lower(z) !~ '^((etc/)?(utc|uct|gmt|zulu|universal|greenwich)|z)$'))"                                         \
  " THEN format('((%s)::timestamp AT TIME ZONE %L)', def, zone) END AS new FROM time_read)"

#define COMMON_SQL "WITH " EXPECTED_SQL OURS_SQL CHANGING_SQL SEQUENCE_SQL DEFAULT_SQL

#endif
