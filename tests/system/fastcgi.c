/* FastCGI straight to lontard's socket. Source: FastCGI specification 1.0. */
#include "system/fastcgi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "system/check.h"
#include "system/world.h"

enum { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, HEADER = 8, CONTENT_MAX = 65535 + 255, PATIENCE_SECONDS = 60 };

int fastcgi_connect(void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", need_environment("LONTAR_SOCKET"));
  need(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "lontard's socket cannot be reached");
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

static size_t put_record(unsigned char *out, unsigned char type, const void *data, size_t length)
{
  const unsigned char header[HEADER] = {1, type, 0, 1, (unsigned char)(length >> 8), (unsigned char)length};
  memcpy(out, header, sizeof header);
  if (length > 0)
    memcpy(out + HEADER, data, length);
  return HEADER + length;
}

static size_t put_param(unsigned char *out, const char *name, const char *value)
{
  const size_t name_length = strlen(name);
  const size_t value_length = strlen(value);
  out[0] = (unsigned char)name_length;
  out[1] = (unsigned char)value_length;
  memcpy(out + 2, name, name_length);
  memcpy(out + 2 + name_length, value, value_length);
  return 2 + name_length + value_length;
}

size_t fastcgi_request(const char *path, const char *token, unsigned char out[FASTCGI_REQUEST_MAX])
{
  static const unsigned char begin[8] = {0, 1, 1}; /* a responder, to be kept open */
  unsigned char params[FASTCGI_REQUEST_MAX / 2];
  need(strlen(path) < 100 && (!token || strlen(token) < 80), "the path or token is too long");
  size_t length = put_param(params, "REQUEST_METHOD", "GET");
  length += put_param(params + length, "REQUEST_URI", path);
  if (token) {
    TEXT bearer = document("Bearer %s", token);
    length += put_param(params + length, "HTTP_AUTHORIZATION", bearer);
  }
  size_t at = put_record(out, BEGIN, begin, sizeof begin);
  at += put_record(out + at, PARAMS, params, length);
  at += put_record(out + at, PARAMS, NULL, 0);
  return at + put_record(out + at, STDIN, NULL, 0);
}

bool fastcgi_send(int fd, const unsigned char *data, size_t length)
{
  return send(fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static bool take(int fd, void *out, size_t length)
{
  return length == 0 || recv(fd, out, length, MSG_WAITALL) == (ssize_t)length;
}

long fastcgi_status(int fd)
{
  static char content[CONTENT_MAX + 1];
  unsigned char header[HEADER];
  long status = 0;
  while (take(fd, header, sizeof header)) {
    const size_t length = (size_t)(header[4] << 8 | header[5]) + header[6];
    if (!take(fd, content, length))
      return 0;
    content[length] = '\0';
    if (header[1] == END)
      return status;
    if (status == 0 && strncmp(content, "Status: ", 8) == 0)
      status = strtol(content + 8, NULL, 10);
  }
  return 0;
}
