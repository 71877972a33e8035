/*
 * Who and what the tests meet: users of each role with a token, a subject, a book, a chat; and the database behind.
 * Names carry a mark of this run, so that the tests may run again on the same database.
 */
#ifndef SYSTEM_WORLD_H
#define SYSTEM_WORLD_H

#include <stddef.h>

enum { WORLD_NAME_SIZE = 64, WORLD_TOKEN_SIZE = 512 };

#define WORLD_PASSWORD "kata sandi 1"

struct person {
  long long id;
  char username[WORLD_NAME_SIZE];
  char token[WORLD_TOKEN_SIZE];
};

struct world {
  const char *admin_name;
  const char *admin_password;
  const char *service; /* a service key */
  struct person admin;
  struct person guru;
  struct person siswa;
  struct person other;            /* another pupil */
  char expired[WORLD_TOKEN_SIZE]; /* a token of `siswa` whose time has passed */
  long long subject;
  long long book;
  long long chat; /* of `siswa` */
  char subject_code[WORLD_NAME_SIZE];
};

extern struct world world;

/* Makes all of it through the service; ends the program when that fails. */
void world_init(void);
void world_done(void);

/* A name that nothing else has: "prefix-mark-number". `out` has WORLD_NAME_SIZE bytes and is returned. */
const char *world_name(char *out, const char *prefix);

/* A new user with that role, and a session of it. */
struct person world_person(const char *role);

/* Only a session's token, for a user. */
void world_token(long long user_id, char out[WORLD_TOKEN_SIZE]);

/* A new record's id. */
long long world_subject(void);
long long world_book(long long subject);
long long world_chat(long long user, long long subject);

/*
 * A text with words between < and > replaced; the caller frees it:
 *   <siswa> <other> <guru> <admin> <subject> <book> <chat>   their ids
 *   <siswa.name> <other.name> <subject.code>                 their names
 *   <name>    a new unique name                              <absent>  an id that nothing has
 *   <x50>     50 letters of one byte, <u50> of two, <e50> of four
 */
char *expand(const char *text);

/* A document by printf, then expanded. The caller frees it. */
__attribute__((format(printf, 1, 2))) char *document(const char *format, ...);

/* A char * that is freed at the end of its scope. */
#define TEXT __attribute__((cleanup(text_done))) char *
void text_done(char **text);

/*
 * Runs SQL as the database's owner, beside the service; ends the program when it fails. Parameters are texts and end
 * with NULL. Returns the first value as text, "" when there is none, good until the next call.
 */
const char *sql(const char *statement, ...) __attribute__((sentinel));
long long sql_number(const char *statement, long long parameter);

/* Runs several statements, which must succeed. */
void sql_script(const char *statements);

/* For tests that hold a lock: a connection of its own. */
struct pg_conn *sql_connect(void);

#endif
