/* FastCGI straight to lontard's socket, as nginx speaks it, for tests that want a certain connection. */
#ifndef SYSTEM_FASTCGI_H
#define SYSTEM_FASTCGI_H

#include <stdbool.h>
#include <stddef.h>

enum { FASTCGI_REQUEST_MAX = 512 };

/* A connection to LONTAR_SOCKET; ends the program when there is none. */
int fastcgi_connect(void);

/* A whole GET of a path, to be kept open; `token` may be NULL. Returns its length. */
size_t fastcgi_request(const char *path, const char *token, unsigned char out[FASTCGI_REQUEST_MAX]);

/* False when the peer has closed. */
bool fastcgi_send(int fd, const unsigned char *data, size_t length);

/* Reads one answer; its status, 0 when the connection ends before that. */
long fastcgi_status(int fd);

#endif
