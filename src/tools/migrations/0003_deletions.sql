-- Whether a user or a subject to whom very much belongs may be deleted in parts (src/repo/deletion.h), asked before
-- anything is deleted.
--
-- It looks at foreign keys, also of tables that Lontar does not know, at triggers and at rules:
--   `referrer` names a table whose rows do not let the record go, or cannot be looked at;
--   `by_parts` is false where only a deletion as a whole can tell: a trigger or a rule may refuse it, the keys are not
--   those of migration 0001, or rows that would go with the record refer to each other.
-- It runs with the rights of the tables' owner, because the daemon may not read other tables, and tells nothing of their
-- rows. Who may delete the records may ask.
CREATE OR REPLACE FUNCTION lontar_deletion(target text, record bigint, OUT by_parts boolean, OUT referrer text)
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  root regclass := CASE target WHEN 'users' THEN 'public.users' WHEN 'subjects' THEN 'public.subjects' END;
  asked record;
  answer boolean;
BEGIN
  SELECT count(DISTINCT c.conrelid) = 2 INTO by_parts
  FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
  WHERE c.contype = 'f' AND c.confrelid = root
    AND (target, c.conrelid::regclass::text, a.attname::text, c.confdeltype::text) IN (
      ('users', 'public.chat_history', 'user_id', 'c'), ('users', 'public.sessions', 'user_id', 'c'),
      ('subjects', 'public.chat_history', 'subject_id', 'n'), ('subjects', 'public.books', 'subject_id', 'c'));

  -- `going` are the tables of which rows go with the record, and a query for those rows; each other key onto such rows
  -- is a question. A key that would set NULL where there must be none refuses, too.
  FOR asked IN
    WITH RECURSIVE keys AS (
      SELECT c.confrelid AS parent, c.conrelid AS child, t.relname AS name,
             CASE WHEN t.relkind = 'p' THEN '' ELSE 'ONLY ' END || c.conrelid::regclass AS source,
             has_table_privilege(t.oid, 'SELECT') AND has_schema_privilege(t.relnamespace, 'USAGE')
               AND NOT row_security_active(t.oid) AS readable,
             CASE WHEN c.confdeltype = 'r' OR c.confdeltype = 'n' AND k.needed THEN 'a' ELSE c.confdeltype END AS act,
             k.condition
      FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid, LATERAL (
        SELECT bool_or(child.attnotnull) AS needed,
               string_agg(format('p.%I OPERATOR(%I.%s) c.%I', parent.attname, n.nspname, o.oprname, child.attname),
                          ' AND ') AS condition
        FROM unnest(c.conkey, c.confkey, c.conpfeqop) AS u (child, parent, operator)
        JOIN pg_attribute child ON child.attrelid = c.conrelid AND child.attnum = u.child
        JOIN pg_attribute parent ON parent.attrelid = c.confrelid AND parent.attnum = u.parent
        JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace n ON n.oid = o.oprnamespace) k
      WHERE c.contype = 'f' AND c.conparentid = 0
    ), going AS (
      SELECT root::oid AS relid, ARRAY[root::oid] AS path, true AS readable,
             format('(SELECT * FROM ONLY %s WHERE id = %s)', root, record) COLLATE "C" AS rows
      UNION ALL
      SELECT k.child, g.path || k.child, g.readable AND k.readable,
             format('(SELECT c.* FROM %s c JOIN %s p ON %s)', k.source, g.rows, k.condition) COLLATE "C"
      FROM going g JOIN keys k ON k.parent = g.relid AND k.act = 'c' AND k.child <> ALL (g.path)
    )
    SELECT k.name, g.readable AND k.readable AS readable,
           k.act = 'a' AND k.child NOT IN (SELECT relid FROM going WHERE relid <> root) AS refuses,
           format('SELECT EXISTS (SELECT FROM %s c JOIN %s p ON %s%s)', k.source, g.rows, k.condition,
                  CASE WHEN k.child = root THEN format(' WHERE c.id <> %s', record) ELSE '' END) AS question
    FROM going g JOIN keys k ON k.parent = g.relid AND k.act <> 'n' AND (k.act <> 'c' OR k.child = ANY (g.path))
    UNION ALL
    SELECT NULL, true, false, 'SELECT true'
    FROM going g
    WHERE EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = g.relid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
                    AND t.tgtype & 8 > 0 AND (g.relid = root OR t.tgtype & 2 > 0 OR t.tgconstraint <> 0))
       OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = g.relid AND r.ev_type = '4')
    UNION ALL
    SELECT NULL, true, false, 'SELECT true'
    WHERE target = 'subjects' AND (
      EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'public.chat_history'::regclass AND NOT t.tgisinternal
                AND t.tgenabled <> 'D' AND t.tgtype & 16 > 0 AND (t.tgtype & 2 > 0 OR t.tgconstraint <> 0))
      OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = 'public.chat_history'::regclass AND r.ev_type = '2'))
  LOOP
    answer := true;
    IF asked.readable THEN
      EXECUTE asked.question INTO answer;
    END IF;
    by_parts := by_parts AND NOT answer;
    IF answer AND asked.refuses THEN
      referrer := asked.name;
      RETURN;
    END IF;
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION lontar_deletion(text, bigint) FROM PUBLIC;
DO $$
DECLARE
  role_name text;
BEGIN
  FOR role_name IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.oid IN ('users'::regclass, 'subjects'::regclass) AND a.privilege_type = 'DELETE'
  LOOP
    EXECUTE 'GRANT EXECUTE ON FUNCTION lontar_deletion(text, bigint) TO ' || role_name;
  END LOOP;
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE 'ALTER FUNCTION lontar_deletion(text, bigint) OWNER TO '
            || (SELECT relowner::regrole FROM pg_class WHERE oid = 'users'::regclass);
  END IF;
END $$;
