/* What a request brings, as the values of its operation. */
#ifndef HANDLER_INPUT_H
#define HANDLER_INPUT_H

#include <lontar/error.h>

struct exchange;

/* Decodes the path's captures. LONTAR_MALFORMED for broken escapes or text, LONTAR_NOT_FOUND for what names nothing.
 * `problems` of the exchange tells why it cannot be read. */
enum lontar_error input_read_path(struct exchange *exchange);

/* Reads query and body and prepares the operation, once: further calls tell the same. On an error `problems` of the
 * exchange may tell the fields, or why it cannot be read. */
enum lontar_error input_read(struct exchange *exchange);

#endif
