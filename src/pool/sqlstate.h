/* SQLSTATE becomes our error here and nowhere else. Pure, thread-safe. */
#ifndef POOL_SQLSTATE_H
#define POOL_SQLSTATE_H

#include <stdbool.h>

#include <lontar/error.h>

/* The error for a SQLSTATE of five characters. NULL stands for a connection that was lost: LONTAR_UNAVAILABLE. */
enum lontar_error sqlstate_error(const char *sqlstate);

/* Whether this state says that the server or its role is gone, so that every older connection to it is worthless. */
bool sqlstate_server_gone(const char *sqlstate);

#endif
