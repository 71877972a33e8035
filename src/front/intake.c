/* Whole requests for libfcgi: looks through the records in the socket, collects what comes in pieces. */
#include "front/intake.h"

#include <errno.h>
#include <fastcgi.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 16 << 10 };

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

enum intake_state intake_look(int fd, unsigned char *window, size_t size)
{
  struct intake_records records = {.skip = 0};
  const ssize_t got = recv(fd, window, size, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 ? intake_follow(&records, window, (size_t)got) : nothing_came(got);
}

bool intake_begin(struct intake *intake)
{
  *intake = (struct intake){.file = memfd_create("lontar-request", MFD_CLOEXEC)};
  return intake->file >= 0;
}

enum intake_state intake_collect(struct intake *intake, int fd, size_t limit)
{
  unsigned char piece[PIECE];
  enum intake_state state = INTAKE_PART;
  while (state == INTAKE_PART) {
    const ssize_t got = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
    if (got <= 0)
      return nothing_came(got) == INTAKE_GONE ? INTAKE_GONE : INTAKE_PART;
    if (write(intake->file, piece, (size_t)got) != got)
      return INTAKE_GONE;
    intake->length += (size_t)got;
    state = intake->length > limit ? INTAKE_WHOLE : intake_follow(&intake->records, piece, (size_t)got);
  }
  return lseek(intake->file, 0, SEEK_SET) == 0 ? INTAKE_WHOLE : INTAKE_GONE;
}

void intake_end(struct intake *intake)
{
  if (intake->file >= 0)
    (void)close(intake->file);
  intake->file = -1;
}
