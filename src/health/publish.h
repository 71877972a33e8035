/*
 * What others read in run_dir: status.json for people and scripts, and the marker, whose existence tells nginx to
 * answer 503 by itself and whose content is that answer's body. Files are written beside and renamed, so a reader never
 * sees half of one. Errors are LONTAR_INTERNAL with errno set. Whether the marker stands is looked up, never
 * remembered.
 */
#ifndef HEALTH_PUBLISH_H
#define HEALTH_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#define PUBLISH_FILE "status.json"
#define PUBLISH_MARKER "unavailable"

/* How long, in microseconds, a marker is good after it was written; its writer renews it much sooner. */
#define PUBLISH_MARKER_LIFE INT64_C(5000000)

struct board;
struct board_snapshot;

/* Copies the board, and looks for the marker. */
void publish_look(const struct board *board, const char *run_dir, struct board_snapshot *ret_snapshot);

/* Called by the master each second. */
int publish_status(const struct board *board, const char *run_dir);

/* Makes the marker, or a new one with a later expiry. `now` is a stamp. The prober's. */
int publish_marker(const char *run_dir, int64_t now);

/* Removes the marker; false while that fails, and then it is to be called again, each second. The first failure
 * and the end of it are logged, by `*failed`, which is false at first. */
bool publish_unmark(const char *run_dir, bool *failed);

#endif
