/* Puts the board's status into run_dir/status.json for people and scripts. Called by the master each second. */
#ifndef HEALTH_PUBLISH_H
#define HEALTH_PUBLISH_H

#define PUBLISH_FILE "status.json"

struct board;

/* Written beside and renamed, so a reader never sees half of it. LONTAR_OK or LONTAR_INTERNAL with errno set. */
int publish_status(const struct board *board, const char *run_dir);

#endif
