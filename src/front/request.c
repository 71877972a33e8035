/* From libfcgi's parameters and body stream to a struct front_request. */
#include "front/request.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"

/* What nginx can have kept a request at most; a larger figure means that the two wall clocks disagree. */
#define AGE_MAX (60 * CLOCK_SECOND)

static const char *parameter(const FCGX_Request *fcgi, const char *name, const char *otherwise)
{
  const char *value = FCGX_GetParam(name, fcgi->envp);
  return value != NULL ? value : otherwise;
}

static bool request_id_is_sane(const char *id)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  size_t length = strspn(id, allowed);
  return length > 0 && length < FRONT_REQUEST_ID_SIZE && id[length] == '\0';
}

static void request_id_new(char *out)
{
  static const char digits[] = "0123456789abcdef";
  unsigned char random[16] = {0};
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
    int64_t now = clock_steady(); /* an id need only tell requests apart */
    memcpy(random, &now, sizeof now);
  }
  for (size_t i = 0; i < sizeof random; i++) {
    out[2 * i] = digits[random[i] >> 4];
    out[2 * i + 1] = digits[random[i] & 15];
  }
  out[2 * sizeof random] = '\0';
}

static void set_request_id(const FCGX_Request *fcgi, struct front_request *request)
{
  const char *id = parameter(fcgi, "LONTAR_REQUEST_ID", "");
  if (!request_id_is_sane(id))
    id = parameter(fcgi, "HTTP_X_REQUEST_ID", "");
  if (request_id_is_sane(id))
    memcpy(request->request_id, id, strlen(id) + 1);
  else
    request_id_new(request->request_id);
}

/* "seconds.millis" of the wall clock, as nginx writes $msec. */
static bool parse_msec(const char *text, int64_t *ret_wall)
{
  static const char digits[] = "0123456789";
  int64_t seconds, millis;
  size_t whole = strspn(text, digits);
  if (whole == 0 || whole > 11 || text[whole] != '.')
    return false;
  const char *fraction = text + whole + 1;
  if (strspn(fraction, digits) != 3 || fraction[3] != '\0')
    return false;
  if (!text_to_integer(text, whole, &seconds) || !text_to_integer(fraction, 3, &millis))
    return false;
  *ret_wall = seconds * CLOCK_SECOND + millis * CLOCK_MILLISECOND;
  return true;
}

static int64_t arrival(const FCGX_Request *fcgi)
{
  int64_t now = clock_steady(), given;
  if (!parse_msec(parameter(fcgi, "LONTAR_ARRIVED", ""), &given))
    return now;
  int64_t age = clock_wall() - given;
  if (age < 0)
    age = 0;
  return now - (age < AGE_MAX ? age : AGE_MAX);
}

static void set_target(const FCGX_Request *fcgi, struct front_request *request)
{
  request->path = parameter(fcgi, "REQUEST_URI", "");
  request->path_length = strcspn(request->path, "?");
  const char *rest = request->path + request->path_length;
  request->query = *rest == '?' ? rest + 1 : rest;
}

/* The empty record that ends the stream must be taken too: left in the socket it would begin the next request. */
static bool stream_ends(FCGX_Stream *in)
{
  return FCGX_GetChar(in) == EOF && FCGX_GetError(in) == 0;
}

static bool read_body(FCGX_Request *fcgi, size_t max_body, struct front_request *request, char **ret_body)
{
  const char *announced = parameter(fcgi, "CONTENT_LENGTH", "");
  int64_t length = 0;
  if (*announced != '\0' && (!text_to_integer(announced, strlen(announced), &length) || length < 0))
    return false;
  if (length > INT_MAX || (size_t)length > max_body) {
    request->too_large = true;
    return true;
  }
  if (length == 0)
    return stream_ends(fcgi->in);
  char *body = malloc((size_t)length);
  if (body == NULL)
    return false;
  if (FCGX_GetStr(body, (int)length, fcgi->in) != (int)length || !stream_ends(fcgi->in)) {
    free(body);
    return false;
  }
  *ret_body = body;
  request->body = body;
  request->body_length = (size_t)length;
  return true;
}

bool request_read(FCGX_Request *fcgi, size_t max_body, struct front_request *request, char **ret_body)
{
  *ret_body = NULL;
  request->method = method_parse(parameter(fcgi, "REQUEST_METHOD", ""));
  set_target(fcgi, request);
  request->authorization = parameter(fcgi, "HTTP_AUTHORIZATION", NULL);
  request->remote_addr = parameter(fcgi, "REMOTE_ADDR", "");
  set_request_id(fcgi, request);
  request->arrived = arrival(fcgi);
  request->body = "";
  return read_body(fcgi, max_body, request, ret_body);
}
