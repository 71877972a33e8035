/* A board of two workers in a folder of its own. */
#ifndef UNIT_PLACE_H
#define UNIT_PLACE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lontar/error.h>

#include "health/board.h"
#include "unit.h"

struct place {
  char folder[32];
  char path[64];
  char message[MESSAGE_SIZE];
  struct board *board;
  struct board_snapshot snapshot;
};

static inline void place_make(struct place *place)
{
  (void)snprintf(place->folder, sizeof place->folder, "/tmp/unit-board-XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->folder));
  (void)snprintf(place->path, sizeof place->path, "%s/" BOARD_FILE, place->folder);
  CU_ASSERT_EQUAL_FATAL(board_create(place->path, 2, &place->board, place->message, sizeof place->message), LONTAR_OK);
}

static inline void place_remove(struct place *place)
{
  board_close(place->board);
  (void)unlink(place->path);
  CU_ASSERT_EQUAL(rmdir(place->folder), 0);
}

#endif
