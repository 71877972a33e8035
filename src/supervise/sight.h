/* What lontard's files tell about lontard and its database. Not thread-safe. */
#ifndef SUPERVISE_SIGHT_H
#define SUPERVISE_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"

/*
 * Fills the condition of each ward. lontard is ill while its master is there and does not move, or all its workers are
 * silent; of one that is not there nothing is known: whoever stopped it may have meant it. The database is ill when a
 * lontard that is well finds no server that answers; of one that answers and refuses nothing is known. Both are UNKNOWN
 * without files of the machine's present start.
 */
void sight_look(const char *run_dir, enum board_condition ret_wards[BOARD_WARDS]);

/* The same of a board's snapshot, pure; `there`: its master has the run_dir. */
void sight_of_board(const struct board_snapshot *snapshot, bool there, enum board_condition ret_wards[BOARD_WARDS]);

/* The same of the text of status.json, for a board of another version; `wall` is now. False when that is no status
 * of this start of the machine. `*ret_master` is the master's process, of which ret_wards supposes that it has the
 * run_dir. */
bool sight_of_status(const char *text, int64_t wall, enum board_condition ret_wards[BOARD_WARDS], int64_t *ret_master);

#endif
