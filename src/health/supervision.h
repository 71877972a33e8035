/* lontar-supervise's slot of the board as text: for people, as JSON, as metrics. All append. Pure, thread-safe. */
#ifndef HEALTH_SUPERVISION_H
#define HEALTH_SUPERVISION_H

#include <stdint.h>

#include "health/board.h"

struct buffer;

/* How long, in microseconds, lontar-supervise may be silent before that is said. */
#define SUPERVISION_LIMIT INT64_C(60000000)

/* What people call the ward: lontard, PostgreSQL; and programs: lontard, database. */
const char *supervision_name(enum board_ward_index ward);
const char *supervision_word(enum board_ward_index ward);

/* One sentence on a ward, without a line end, ASCII without quotes; nothing when there is nothing to say. `now` is
 * steady. */
void supervision_ward_sentence(const struct board_ward *ward, enum board_ward_index index, int64_t now,
                               struct buffer *buffer);

/* The sentences on both wards, and on a lontar-supervise that is silent, each after a blank. */
void supervision_sentences(const struct board_supervisor *supervisor, int64_t now, struct buffer *buffer);

/* A table with a line a ward for lontarctl; nothing where no lontar-supervise has been. */
void supervision_table(const struct board_supervisor *supervisor, int64_t now, struct buffer *buffer);

/* A JSON object; null where no lontar-supervise has been. */
void supervision_json(const struct board_snapshot *snapshot, struct buffer *buffer);

/* Nothing where no lontar-supervise has been. */
void supervision_metrics(const struct board_snapshot *snapshot, struct buffer *buffer);

#endif
