/*
 * Fuzzes the reading of a request from FastCGI's records: whatever the bytes are, nothing beyond them is read (the
 * sanitizers look), and what is taken for a request is whole, also when it comes in two pieces.
 */
#include "front/request.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/intake.h"

enum { MAX_BODY = 100 };

static void fail(const char *what)
{
  fprintf(stderr, "%s\n", what);
  abort();
}

/* The first piece is as long as the first byte says. */
static enum intake_state follow(const uint8_t *data, size_t size)
{
  struct intake_records records = {.skip = 0};
  const size_t first = size > 0 && data[0] < size ? data[0] : size;
  const enum intake_state state = intake_follow(&records, data, first);
  return state == INTAKE_PART ? intake_follow(&records, data + first, size - first) : state;
}

static void look_at(const struct front_request *request)
{
  if (request->path_length != strcspn(request->path, "?") || strlen(request->query) + request->path_length > 1 << 20)
    fail("the path is not where the address begins");
  if (strlen(request->request_id) >= FRONT_REQUEST_ID_SIZE || strlen(request->remote_addr) > 1 << 20)
    fail("a text does not end");
  if (request->too_large ? request->body_length != 0 : request->body_length > MAX_BODY)
    fail("the body is larger than is allowed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct front_request request = {.path = ""};
  struct request_origin origin;
  const bool good = request_read(data, size, MAX_BODY, &request, &origin);
  if (good)
    look_at(&request);
  if (good && !request.too_large && follow(data, size) != INTAKE_WHOLE)
    fail("a request was read that is not whole");
  free(origin.memory);
  return 0;
}
