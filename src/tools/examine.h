/* Examines a database: may it be adopted, is all well with it. Changes nothing. */
#ifndef TOOLS_EXAMINE_H
#define TOOLS_EXAMINE_H

#include <libpq-fe.h>
#include <stdbool.h>

/* What the examination is for; the values are bits in findings.def. */
enum examine_stage {
  EXAMINE_FRESH = 1,    /* no table of Lontar's is there */
  EXAMINE_ADOPTION = 2, /* tables are there, and no migration has run */
  EXAMINE_UPGRADE = 4,  /* migrations have run, and others shall */
  EXAMINE_CHECK = 8,    /* somebody asks how all is */
};

/*
 * Prints what is found, a sentence and its remedy each: what must be mended to standard error, what is only told to
 * standard output. `ret_musts` counts the first. COMMAND_DONE, or COMMAND_FAILED when the database could not be asked.
 */
int examine(PGconn *connection, enum examine_stage stage, int *ret_musts);

/* The same for what a role or a database sets of presets.def; `sets`: Lontar sets it itself in each of its sessions, so
 * that it is only told. Adds to `musts`. */
int examine_settings(PGconn *connection, bool sets, int *musts);

#endif
