/* What stands against the "All is well" of health/health.c: the troubles that workers and prober have written
 * on the board, in words, a table of them. Pure, thread-safe. */
#ifndef HEALTH_COMPLAINT_H
#define HEALTH_COMPLAINT_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"

struct buffer;

/* Whether there is such trouble now. */
bool complaint_has(const struct board_snapshot *snapshot, enum trouble trouble);

/* Whether there is any. */
bool complaint_any(const struct board_snapshot *snapshot);

/* Since when (steady) the first worker that still has it has met it; 0 when only the prober knows of it. */
uint64_t complaint_since(const struct board_snapshot *snapshot, enum trouble trouble);

/* A word for scripts, such as "read_only". */
const char *complaint_name(enum trouble trouble);

/* A sentence for each, or for this one, behind a blank: for an operator who is no database administrator, with what to
 * do; plain ASCII without quotes. */
void complaint_sentences(const struct board_snapshot *snapshot, struct buffer *buffer);
void complaint_sentence(const struct board_snapshot *snapshot, enum trouble trouble, struct buffer *buffer);

#endif
