/* From FastCGI's records to a struct front_request. */
#include "front/request.h"

#include <fastcgi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"

/* What nginx can have kept a request at most; a larger figure means that the two wall clocks disagree. */
#define AGE_MAX (60 * CLOCK_SECOND)

/* ---- Records ---- */

struct records {
  const unsigned char *at;
  const unsigned char *end;
  int id;
};

/* Takes a record of that type, of which all must be there. */
static bool take_record(struct records *records, int type, const unsigned char **ret_content, size_t *ret_length)
{
  FCGI_Header header;
  const size_t left = (size_t)(records->end - records->at);
  if (left < sizeof header)
    return false;
  memcpy(&header, records->at, sizeof header);
  const size_t length = (size_t)header.contentLengthB1 << 8 | header.contentLengthB0;
  const int id = header.requestIdB1 << 8 | header.requestIdB0;
  if (header.version != FCGI_VERSION_1 || header.type != type || left - sizeof header < length + header.paddingLength)
    return false;
  if (records->id != FCGI_NULL_REQUEST_ID && records->id != id)
    return false;
  *ret_content = records->at + sizeof header;
  *ret_length = length;
  records->at += sizeof header + length + header.paddingLength;
  records->id = id;
  return true;
}

static bool take_beginning(struct records *records, bool *ret_keep)
{
  FCGI_BeginRequestBody body;
  const unsigned char *content;
  size_t length;
  if (!take_record(records, FCGI_BEGIN_REQUEST, &content, &length) || length != sizeof body)
    return false;
  memcpy(&body, content, sizeof body);
  *ret_keep = (body.flags & FCGI_KEEP_CONN) != 0;
  return records->id != FCGI_NULL_REQUEST_ID && (body.roleB1 << 8 | body.roleB0) == FCGI_RESPONDER;
}

/* Copies the contents of records of that type, up to the empty one that ends them; what they are is `ret_length` long.
 */
static bool take_stream(struct records *records, int type, char *out, size_t *ret_length)
{
  const unsigned char *content;
  size_t length;
  *ret_length = 0;
  do {
    if (!take_record(records, type, &content, &length))
      return false;
    memcpy(out + *ret_length, content, length);
    *ret_length += length;
  } while (length > 0);
  return true;
}

/* ---- Parameters ---- */

enum parameter { METHOD, URI, BODY_LENGTH, ADDRESS, AUTHORIZATION, REQUEST_ID, CALLERS_ID, ARRIVED, PARAMETER_COUNT };

/* NULL for those that did not come. */
struct parameters {
  const char *of[PARAMETER_COUNT];
};

#define NAME(text)                                                                                                     \
  {                                                                                                                    \
    text, sizeof(text) - 1                                                                                             \
  }

/* The first of a name counts. */
static void keep_parameter(struct parameters *parameters, const char *name, size_t length, const char *value)
{
  static const struct {
    const char *text;
    size_t length;
  } names[PARAMETER_COUNT] = {
      [METHOD] = NAME("REQUEST_METHOD"),
      [URI] = NAME("REQUEST_URI"),
      [BODY_LENGTH] = NAME("CONTENT_LENGTH"),
      [ADDRESS] = NAME("REMOTE_ADDR"),
      [AUTHORIZATION] = NAME("HTTP_AUTHORIZATION"),
      [REQUEST_ID] = NAME("LONTAR_REQUEST_ID"),
      [CALLERS_ID] = NAME("HTTP_X_REQUEST_ID"),
      [ARRIVED] = NAME("LONTAR_ARRIVED"),
  };
  for (int i = 0; i < PARAMETER_COUNT; i++)
    if (length == names[i].length && parameters->of[i] == NULL && memcmp(name, names[i].text, length) == 0)
      parameters->of[i] = value;
}

/* A length in one byte, or in four of which the first has its highest bit set. */
static bool take_length(const char **at, const char *end, size_t *ret_length)
{
  const unsigned char *bytes = (const unsigned char *)*at;
  const size_t size = *at < end && bytes[0] > 127 ? 4 : 1;
  if ((size_t)(end - *at) < size)
    return false;
  *ret_length =
      size == 1 ? bytes[0] : (size_t)(bytes[0] & 127) << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
  *at += size;
  return true;
}

/* Pairs lie one behind the other. Each value is ended where the lengths of the next pair were, the last one in the byte
 * behind all of them. */
static bool read_parameters(char *text, size_t length, struct parameters *parameters)
{
  const char *at = text;
  const char *const end = text + length;
  char *behind = text; /* the value before */
  size_t name, value;
  while (at < end) {
    if (!take_length(&at, end, &name) || !take_length(&at, end, &value) || name > (size_t)(end - at) ||
        value > (size_t)(end - at) - name)
      return false;
    *behind = '\0';
    keep_parameter(parameters, at, name, at + name);
    at += name + value;
    behind = text + (at - text);
  }
  *behind = '\0';
  return true;
}

/* ---- What they say ---- */

static const char *or_empty(const struct parameters *parameters, enum parameter parameter)
{
  return parameters->of[parameter] != NULL ? parameters->of[parameter] : "";
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

static void set_request_id(const struct parameters *parameters, struct front_request *request)
{
  const char *id = or_empty(parameters, REQUEST_ID);
  if (!request_id_is_sane(id))
    id = or_empty(parameters, CALLERS_ID);
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

static int64_t arrival(const struct parameters *parameters)
{
  int64_t now = clock_steady(), given;
  if (!parse_msec(or_empty(parameters, ARRIVED), &given))
    return now;
  int64_t age = clock_wall() - given;
  if (age < 0)
    age = 0;
  return now - (age < AGE_MAX ? age : AGE_MAX);
}

static void set_target(const struct parameters *parameters, struct front_request *request)
{
  request->path = or_empty(parameters, URI);
  request->path_length = strcspn(request->path, "?");
  const char *rest = request->path + request->path_length;
  request->query = *rest == '?' ? rest + 1 : rest;
}

static void set_parameters(const struct parameters *parameters, struct front_request *request)
{
  request->method = method_parse(or_empty(parameters, METHOD));
  set_target(parameters, request);
  request->authorization = parameters->of[AUTHORIZATION];
  request->remote_addr = or_empty(parameters, ADDRESS);
  set_request_id(parameters, request);
  request->arrived = arrival(parameters);
}

/* ---- The whole ---- */

/* The body must be as long as it was announced, and nothing may follow it. */
static bool read_body(struct records *records, const struct parameters *parameters, size_t max_body, char *out,
                      struct front_request *request)
{
  const char *announced = or_empty(parameters, BODY_LENGTH);
  int64_t length = 0;
  if (*announced != '\0' && (!text_to_integer(announced, strlen(announced), &length) || length < 0))
    return false;
  request->body = "";
  request->too_large = (uint64_t)length > max_body;
  if (request->too_large)
    return true;
  if (!take_stream(records, FCGI_STDIN, out, &request->body_length))
    return false;
  request->body = out;
  return request->body_length == (size_t)length && records->at == records->end;
}

bool request_read(const unsigned char *data, size_t length, size_t max_body, struct front_request *request,
                  struct request_origin *ret_origin)
{
  struct records records = {data, data + length, FCGI_NULL_REQUEST_ID};
  struct parameters parameters = {.of = {NULL}};
  size_t size;
  char *memory = malloc(length + 1); /* with the byte that ends the last parameter */
  *ret_origin = (struct request_origin){.memory = memory};
  if (memory == NULL || !take_beginning(&records, &ret_origin->keep) ||
      !take_stream(&records, FCGI_PARAMS, memory, &size) || !read_parameters(memory, size, &parameters))
    return false;
  ret_origin->id = records.id;
  set_parameters(&parameters, request);
  return read_body(&records, &parameters, max_body, memory + size + 1, request);
}
