/*
 * What of ours is at the server, against what the board says of us: the prober counts sessions there by the names that
 * our processes give them, ends those that were left behind, and tells whoever waits for an end.
 *
 * A session's name is "lontard/ROLE INSTALLATION.PID". The installation is this run_dir under this kernel and in this
 * namespace of processes, so that other daemons with the same role in the database are nobody's business here, and a
 * number without a process is one that has died. Not thread-safe; no I/O but kill(2).
 */
#ifndef HEALTH_CENSUS_H
#define HEALTH_CENSUS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "health/board.h"

enum { CENSUS_NAME_SIZE = 64, CENSUS_VICTIMS_MAX = 256 };

/* Rows of the process's number, the session's name, and whether it has waited for a standby for more than a second.
 * Anybody may ask it about sessions of the own role. */
#define CENSUS_QUESTION                                                                                                \
  "SELECT pid, application_name, wait_event = 'SyncRep' AND"                                                           \
  " pg_catalog.clock_timestamp() - query_start > '1 s'::interval FROM pg_catalog.pg_stat_activity"                     \
  " WHERE usename = current_user AND application_name LIKE 'lontard/%'"

uint64_t census_installation(const char *run_dir);

/* The name for a session of the calling process; `role` is "0" for worker 0. */
void census_name(char out[CENSUS_NAME_SIZE], const char *role, uint64_t installation);

/* One look. */
struct census {
  uint64_t installation;
  int64_t asked;                            /* steady */
  uint64_t notes[BOARD_SLOTS][BOARD_NOTES]; /* as they stood then */
  uint64_t left;                            /* sessions of workers that are not there any more */
  uint64_t standby;                         /* those that wait for a standby */
  int victims[CENSUS_VICTIMS_MAX];          /* processes of the server that shall end */
  int victim_count;
  int taken;  /* how many looks there were */
  bool blind; /* the last one saw nothing: what cannot be counted counts as none, or nobody could work */
};

/* Before CENSUS_QUESTION is sent. */
void census_begin(struct census *census, struct board *board);

/* Judges its rows. What was noted and is not there any more is crossed out on the board. False when it is no answer to
 * that question. */
bool census_take(struct census *census, struct board *board, const PGresult *result);

/* The statement that ends the victims. */
void census_order(const struct census *census, struct buffer *sql);

#endif
