/*
 * What lontar-supervise has tried, kept in run_dir/supervise.json, so that neither its own restart nor lontard's makes
 * it begin to count again. Not thread-safe.
 */
#ifndef SUPERVISE_STATE_H
#define SUPERVISE_STATE_H

#include <stdbool.h>

struct board_supervisor;

#define STATE_FILE "supervise.json"

/* Reads it. False when there is none, or none of this version and of the machine's present start; `*ret` is untouched.
 */
bool state_load(const char *run_dir, struct board_supervisor *ret);

/* Writes it beside and renames, so that a reader never sees half of it. LONTAR_OK or LONTAR_INTERNAL with errno set. */
int state_save(const char *run_dir, const struct board_supervisor *supervisor);

/* Asks a lontar-supervise, now or at its next start, to forget what it has tried. As state_save. */
int state_request_reset(const char *run_dir);

/* Whether somebody has asked since the last call. */
bool state_take_reset(const char *run_dir);

#endif
