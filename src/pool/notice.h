/* What the server says beside its answers. Thread-safe. */
#ifndef POOL_NOTICE_H
#define POOL_NOTICE_H

#include <libpq-fe.h>
#include <stdbool.h>

enum { NOTICE_SIZE = 256 };

/* Whether it says that a commit was not waited for until a standby had it: what was written is there, and may be gone
 * with this server. The answer to the commit is a success all the same, or nothing when the session was ended, too. */
bool notice_doubts_commit(const PGresult *notice);

/* The server's words for that, which hold no value. Returns `out`. */
const char *notice_words(char out[NOTICE_SIZE], const PGresult *notice);

/* Receives notices that nobody needs. */
void notice_ignore(void *unused, const PGresult *notice);

#endif
