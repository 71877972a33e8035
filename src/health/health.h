/* What a board's snapshot means: pass, warn or fail, and why in one sentence. Pure, thread-safe. */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"

struct buffer;

enum health {
  HEALTH_PASS,
  HEALTH_WARN, /* requests are answered, though not by everyone, not as they should be, or not all of them */
  HEALTH_FAIL, /* requests get 503 */
};

/* The whole in one value; `pass`, `warn` or `fail` as health+json writes it. */
enum health health_state(const struct board_snapshot *snapshot);
const char *health_word(enum health health);

/* What is known of the database. A living prober's DOWN is the last word. What it finds UP is UP as soon as one living
 * worker agrees, and DOWN when all who say anything say so. Without a prober: DOWN as soon as one worker says so. */
enum board_database health_database(const struct board_snapshot *snapshot);

/* Whether no server answers, by a living prober's word: what a restart of PostgreSQL may mend. A server that is
 * starting, takes no writes or does not let us in is left alone. */
bool health_server_gone(const struct board_snapshot *snapshot);

/* Whether something stands against it although requests are answered: sentences of their own say what. */
bool health_doubtful(const struct board_snapshot *snapshot);

/* Whether a prober found that the database's encoding is not UTF8: requests are answered, but not all of them right. */
bool health_encoding_wrong(const struct board_snapshot *snapshot);

/* Workers whose heart beats. */
int health_workers_alive(const struct board_snapshot *snapshot);

/* How many of the living workers have a connection to a database that they find UP. */
int health_connected(const struct board_snapshot *snapshot);

/* Whether the server has answered any of the living workers within so many microseconds. */
bool health_any_answered(const struct board_snapshot *snapshot, int64_t within);

/* Appends one sentence for an operator who is no database administrator, and those on what is restarted, without a line
 * end; plain ASCII without quotes, so it may stand inside a JSON string. */
void health_sentence(const struct board_snapshot *snapshot, struct buffer *buffer);

/* The same for what the prober sees and does. */
void health_prober_sentence(const struct board_snapshot *snapshot, struct buffer *buffer);

#endif
