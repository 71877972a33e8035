/* What the prober asks a server, and what it reads from the answer. Pure, thread-safe. */
#ifndef HEALTH_QUESTION_H
#define HEALTH_QUESTION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* The columns of a SELECT, which cost the server microseconds; the plain ones anybody may ask everywhere. */
extern const char question_columns[], question_plain[];

/* What the server lacks of what requests need. */
enum question_lack {
  QUESTION_LACKS_NOTHING,
  QUESTION_LACKS_RIGHTS, /* `lack` names one of them: some requests fail */
  QUESTION_LACKS_SCHEMA, /* all requests fail, as with the next one */
  QUESTION_LACKS_USE,    /* the role may not use the schema */
};

enum { QUESTION_LACK_SIZE = 64 };

/* What a server has said of itself. */
struct sighting {
  bool takes_writes;
  enum question_lack lacks;
  char lack[QUESTION_LACK_SIZE]; /* as "INSERT on users" */
  uint64_t lacking;              /* how many rights */
  uint64_t system;               /* the identifier that a primary shares with its standbys, 0: unknown */
  uint64_t timeline;             /* of one that takes writes: each promotion begins another, 0: unknown */
};

/* Whether this server knows the functions not or does not let us call them, so that the plain question is left. */
bool question_is_barred(const PGresult *result);

/* Reads the row. False when it is no answer to the question, the plain one or the whole. */
bool question_read(const PGresult *result, bool plain, struct sighting *ret_sighting);

#endif
