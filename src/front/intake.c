/* Takes a request's bytes from the socket and follows its records until all of it is there. */
#include "front/intake.h"

#include <errno.h>
#include <fastcgi.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(FCGI_HEADER_LEN == sizeof((struct intake_records *)NULL)->header, "a record's header");

/* A header is complete: how much follows it, and whether that is all. */
static void read_header(struct intake_records *records)
{
  const unsigned char *header = records->header;
  const size_t content = (size_t)(header[4] << 8 | header[5]);
  records->broken = header[0] != FCGI_VERSION_1;
  records->ends = header[1] == FCGI_STDIN && content == 0;
  records->skip = content + header[6];
  records->header_length = 0;
}

/* Takes bytes for the header; returns how many. */
static size_t take_header(struct intake_records *records, const unsigned char *data, size_t length)
{
  const size_t missing = sizeof records->header - records->header_length;
  const size_t taken = length < missing ? length : missing;
  memcpy(records->header + records->header_length, data, taken);
  records->header_length += taken;
  if (taken == missing)
    read_header(records);
  return taken;
}

enum intake_state intake_follow(struct intake_records *records, const unsigned char *data, size_t length)
{
  while (!records->broken && !(records->ends && records->skip == 0)) {
    if (length == 0)
      return INTAKE_PART;
    size_t taken = length < records->skip ? length : records->skip;
    if (records->skip > 0)
      records->skip -= taken;
    else
      taken = take_header(records, data, length);
    data += taken;
    length -= taken;
  }
  return INTAKE_WHOLE;
}

/* What an unsuccessful recv says. */
static enum intake_state nothing_came(ssize_t got)
{
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? INTAKE_SILENT : INTAKE_GONE;
}

void intake_init(struct intake *intake, size_t limit)
{
  *intake = (struct intake){.records = {.skip = 0}};
  buffer_init(&intake->pieces, limit + sizeof(struct intake_window));
}

static size_t limit_of(const struct intake *intake)
{
  return intake->pieces.ceiling - sizeof(struct intake_window);
}

/* What came joins what was there. */
static enum intake_state collect(struct intake *intake, enum intake_state state, const unsigned char *data,
                                 size_t length)
{
  buffer_append(&intake->pieces, data, length);
  if (intake->pieces.failed)
    return INTAKE_GONE;
  return intake->pieces.length > limit_of(intake) ? INTAKE_WHOLE : state;
}

enum intake_state intake_take(struct intake *intake, int fd, struct intake_window *window,
                              const unsigned char **ret_data, size_t *ret_length)
{
  const ssize_t got = recv(fd, window->bytes, sizeof window->bytes, MSG_DONTWAIT);
  if (got <= 0)
    return nothing_came(got);
  enum intake_state state = intake_follow(&intake->records, window->bytes, (size_t)got);
  if (state == INTAKE_WHOLE && intake->pieces.length == 0) {
    *ret_data = window->bytes;
    *ret_length = (size_t)got;
    return INTAKE_WHOLE;
  }
  state = collect(intake, state, window->bytes, (size_t)got);
  *ret_data = (const unsigned char *)intake->pieces.data;
  *ret_length = intake->pieces.length;
  return state;
}

enum intake_state intake_look(int fd)
{
  char byte;
  const ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 ? INTAKE_PART : nothing_came(got);
}

bool intake_is_small(int fd, struct intake_window *window, size_t size)
{
  struct intake_records records = {.skip = 0};
  const ssize_t got = recv(fd, window->bytes, size + 1, MSG_PEEK | MSG_DONTWAIT);
  return got <= 0 || ((size_t)got <= size && intake_follow(&records, window->bytes, (size_t)got) == INTAKE_WHOLE);
}

void intake_clear(struct intake *intake)
{
  intake->records = (struct intake_records){.skip = 0};
  buffer_free(&intake->pieces);
}
