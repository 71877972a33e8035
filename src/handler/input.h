/* What a request brings besides its path: query, body, cursor; with defaults for what it leaves out. */
#ifndef HANDLER_INPUT_H
#define HANDLER_INPUT_H

#include <stdbool.h>

#include <lontar/error.h>

#include "repo/statement.h"

struct exchange;

/* Decodes the path's captures. LONTAR_MALFORMED for broken escapes or text, LONTAR_NOT_FOUND for what names nothing.
 * `problems` of the exchange tells why it cannot be read. */
enum lontar_error input_read_path(struct exchange *exchange);

/* Reads the rest, once: further calls tell the same. On an error `problems` of the exchange may tell the fields,
 * or why it cannot be read. */
enum lontar_error input_read(struct exchange *exchange);

/* Whether a statement has a parameter of that field. */
bool statement_takes(enum statement statement, enum field field);

#endif
