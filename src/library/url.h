/* What a database URL must be before anything is dialled. Thread-safe. */
#ifndef LIBRARY_URL_H
#define LIBRARY_URL_H

#include <lontar/database.h>

/*
 * LONTAR_OK for a URL, conninfo or database's name that libpq takes, with all the settings that the environment adds;
 * else LONTAR_MISUSE. What it says quotes neither the URL nor a value in it, because a password may be anywhere in one
 * that is not well formed. Afterwards libpq's messages are about servers alone.
 */
enum lontar_error url_check(const char *url, struct lontar_failure *failure);

#endif
