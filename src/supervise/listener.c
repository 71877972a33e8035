/* Takes supervisord's events apart. */
#include "supervise/listener.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* supervisord's own pieces of payload are smaller by far. */
enum { PAYLOAD_MAX = 1 << 20 };

/* The header is "ver:3.0 server:… serial:… pool:… poolserial:… eventname:TICK_5 len:15". */
static bool read_length(const char *header, size_t *ret_length)
{
  static const char name[] = " len:";
  const char *at = strncmp(header, "ver:", 4) == 0 ? strstr(header, name) : NULL;
  int64_t length;
  if (at == NULL)
    return false;
  at += sizeof name - 1;
  if (!text_to_integer(at, strcspn(at, " "), &length) || length < 0 || length > PAYLOAD_MAX)
    return false;
  *ret_length = (size_t)length;
  return true;
}

/* Takes up to the end of the line; false when that is no header. */
static bool take_header(struct listener *listener, const char *bytes, size_t length, size_t *ret_taken, bool *ret_whole)
{
  const char *end = memchr(bytes, '\n', length);
  const size_t size = end == NULL ? length : (size_t)(end - bytes);
  *ret_whole = end != NULL;
  *ret_taken = size + *ret_whole;
  if (listener->length + size >= LISTENER_HEADER_MAX)
    return false;
  memcpy(listener->header + listener->length, bytes, size);
  listener->length += size;
  listener->header[listener->length] = '\0';
  return end == NULL || read_length(listener->header, &listener->payload);
}

enum listener_result listener_take(struct listener *listener, const char *bytes, size_t length, size_t *ret_taken)
{
  bool whole = listener->payload > 0; /* a header that is, else there would be no payload to come */
  *ret_taken = 0;
  if (!whole && !take_header(listener, bytes, length, ret_taken, &whole))
    return LISTENER_BROKEN;
  if (!whole)
    return LISTENER_PART;
  const size_t rest = length - *ret_taken;
  const size_t part = rest < listener->payload ? rest : listener->payload;
  *ret_taken += part;
  listener->payload -= part;
  if (listener->payload > 0)
    return LISTENER_PART;
  listener->length = 0;
  return LISTENER_EVENT;
}
