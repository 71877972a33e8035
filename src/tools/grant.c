/* The rights of the daemon's database role. */
#include "tools/grant.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "tools/connect.h"

/* The role may be a member of what owns a table, or of the database's owner: then no grant could bind it. */
static const char CHECK_SQL[] =
    "SELECT r.rolsuper, (SELECT string_agg(c.relname, ', ') FROM pg_class c WHERE c.oid IN (to_regclass('users'),"
    " to_regclass('sessions'), to_regclass('subjects'), to_regclass('books'), to_regclass('chat_history'))"
    " AND pg_has_role(r.oid, c.relowner, 'MEMBER')),"
    " pg_has_role(r.oid, d.datdba, 'MEMBER')"
    " FROM pg_roles r, pg_database d WHERE r.rolname = $1 AND d.datname = current_database()";

int grant_check(PGconn *connection, const char *role)
{
  static const char HINT[] = "Give lontard a role of its own: CREATE ROLE lontar LOGIN PASSWORD '…'.";
  CLEANUP_RESULT PGresult *result = connect_query(connection, CHECK_SQL, 1, &role);
  if (!result)
    return COMMAND_FAILED;
  if (PQntuples(result) == 0)
    return command_fail("Create it first: CREATE ROLE … LOGIN PASSWORD '…'.", "there is no database role %s", role);
  if (PQgetvalue(result, 0, 0)[0] == 't')
    return command_fail(HINT, "the role %s is a superuser, so it could change the schema", role);
  if (!PQgetisnull(result, 0, 1))
    return command_fail(HINT, "the role %s owns %s, so it could change the schema", role, PQgetvalue(result, 0, 1));
  if (PQgetvalue(result, 0, 2)[0] == 't')
    return command_fail(HINT, "the role %s owns the database, so it could change the schema", role);
  return COMMAND_DONE;
}

/* Whether everybody may create tables in the schema, as it was the default before PostgreSQL 15. */
static int grant_public_creates(PGconn *connection, bool *ret_creates)
{
  CLEANUP_RESULT PGresult *result =
      connect_query(connection,
                    "SELECT EXISTS (SELECT FROM pg_namespace n,"
                    " aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a"
                    " WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE')",
                    0, NULL);
  if (!result)
    return COMMAND_FAILED;
  *ret_creates = PQgetvalue(result, 0, 0)[0] == 't';
  return COMMAND_DONE;
}

/* Everybody's right to create goes; those who have tables here keep it. */
static const char CLOSE_SCHEMA_SQL[] = "DO $$ DECLARE owner text; BEGIN"
                                       " FOR owner IN SELECT DISTINCT c.relowner::regrole::text FROM pg_class c"
                                       " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') LOOP"
                                       " EXECUTE 'GRANT CREATE ON SCHEMA public TO ' || owner; END LOOP;"
                                       " REVOKE CREATE ON SCHEMA public FROM PUBLIC; END $$;\n";

static const char GRANT_SQL[] =
    "GRANT USAGE ON SCHEMA public TO %1$s;\n"
    "REVOKE CREATE ON SCHEMA public FROM %1$s;\n"
    "REVOKE ALL ON users, sessions, subjects, books, chat_history, lontar_migrations FROM %1$s;\n"
    "GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, subjects, books, chat_history TO %1$s;\n"
    "GRANT SELECT ON lontar_migrations TO %1$s;\n"
    "GRANT EXECUTE ON FUNCTION lontar_deletion(text, bigint) TO %1$s;\n";

/* An id's sequence need not be its column's own: its default says which it is. */
static const char GRANT_SEQUENCES_SQL[] =
    "DO $$ DECLARE name regclass; BEGIN"
    " FOR name IN SELECT s.seqrelid FROM pg_sequence s WHERE EXISTS (SELECT FROM pg_depend d"
    " LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid"
    " JOIN pg_attribute a ON a.attname = 'id' AND a.attrelid IN ('users'::regclass, 'sessions'::regclass,"
    " 'subjects'::regclass, 'books'::regclass, 'chat_history'::regclass)"
    " WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.refobjid = a.attrelid AND d.refobjsubid ="
    " a.attnum OR d.refclassid = 'pg_class'::regclass AND d.refobjid = s.seqrelid AND f.adrelid = a.attrelid"
    " AND f.adnum = a.attnum) LOOP"
    " EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %%s TO %%I', name, %s);"
    " END LOOP; END $$;\n";

static int grant_run(PGconn *connection, const char *identifier, const char *literal, bool close_schema)
{
  struct buffer sql;
  buffer_init(&sql, 16384);
  buffer_append_text(&sql, "BEGIN;\n");
  if (close_schema)
    buffer_append_text(&sql, CLOSE_SCHEMA_SQL);
  buffer_append_format(&sql, GRANT_SQL, identifier);
  buffer_append_format(&sql, GRANT_SEQUENCES_SQL, literal);
  buffer_append(&sql, "", 1);
  int status = sql.failed ? command_fail(NULL, "the role's name is too long") : connect_execute(connection, sql.data);
  buffer_free(&sql);
  return status;
}

/* Only the owners can give rights and take everybody's away; from others PostgreSQL takes the command and warns. */
static const char GRANTED_SQL[] =
    "SELECT has_schema_privilege($1::name, 'public', 'CREATE'), current_user,"
    " (SELECT string_agg(t, ', ') FROM unnest(ARRAY['users', 'sessions', 'subjects', 'books', 'chat_history']) t"
    " WHERE NOT (has_table_privilege($1::name, t, 'SELECT') AND has_table_privilege($1::name, t, 'INSERT')"
    " AND has_table_privilege($1::name, t, 'UPDATE') AND has_table_privilege($1::name, t, 'DELETE')))";

static int grant_finish(PGconn *connection, const char *role)
{
  CLEANUP_RESULT PGresult *result = connect_query(connection, GRANTED_SQL, 1, &role);
  if (!result)
    return COMMAND_FAILED;
  if (!PQgetisnull(result, 0, 2))
    return command_fail("Use a database_url whose user owns the tables.",
                        "the role %s did not get its rights on %s from the user %s; nothing is granted", role,
                        PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 1));
  if (PQgetvalue(result, 0, 0)[0] != 't')
    return connect_execute(connection, "COMMIT");
  char hint[256];
  (void)snprintf(hint, sizeof hint, "As a superuser: ALTER SCHEMA public OWNER TO \"%s\"; then run this again.",
                 PQgetvalue(result, 0, 1));
  return command_fail(hint, "the role %s could still create tables in the schema public; nothing is granted", role);
}

static int grant_now(PGconn *connection, const char *role, bool close_schema)
{
  char *identifier = PQescapeIdentifier(connection, role, strlen(role));
  char *literal = PQescapeLiteral(connection, role, strlen(role));
  int status = identifier && literal
                   ? grant_run(connection, identifier, literal, close_schema)
                   : command_fail(NULL, "the role's name cannot be quoted: %s", PQerrorMessage(connection));
  PQfreemem(identifier);
  PQfreemem(literal);
  return status == COMMAND_DONE ? grant_finish(connection, role) : status;
}

int grant_apply(PGconn *connection, const char *role, bool dry_run)
{
  bool public_creates;
  if (grant_public_creates(connection, &public_creates) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (!dry_run && grant_now(connection, role, public_creates) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (public_creates)
    printf("schema public: %s no longer everybody's right to create tables; owners of tables keep it\n",
           dry_run ? "would be" : "is");
  printf("role %s: %s the records of users, sessions, subjects, books and chat_history, and nothing of the schema\n",
         role, dry_run ? "would be granted" : "is granted");
  return COMMAND_DONE;
}
