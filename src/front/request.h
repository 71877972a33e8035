/* From libfcgi's parameters and body stream to a struct front_request. Source: nginx/lontar-fastcgi.conf. */
#ifndef FRONT_REQUEST_H
#define FRONT_REQUEST_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>

#include "front/front.h"

/* Fills the request, whose text stays in `fcgi`, and reads its body into memory that the caller frees (NULL without a
 * body). False when the body did not arrive as announced: the connection is of no use any more. */
bool request_read(FCGX_Request *fcgi, size_t max_body, struct front_request *request, char **ret_body);

#endif
