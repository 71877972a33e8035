/* What the prober asks a server, and what it reads from the answer. Pure, thread-safe. */
#ifndef HEALTH_QUESTION_H
#define HEALTH_QUESTION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* How much is asked. */
enum question {
  QUESTION_PLAIN,    /* whether it takes writes: anybody may ask that everywhere */
  QUESTION_IDENTITY, /* and which primary it is */
  QUESTION_WHOLE,    /* and what it lacks */
};

/* The columns of a SELECT for each, which cost the server microseconds. */
extern const char *const question_columns[];

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

/* Reads the row. False when it is no answer to that question. */
bool question_read(const PGresult *result, enum question question, struct sighting *ret_sighting);

#endif
