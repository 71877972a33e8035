/* An answer as FastCGI records, sent piece by piece without copying the body. */
#include "front/response.h"

#include <errno.h>
#include <fastcgi.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* CHUNK is the largest content of a record that needs no padding. VECTORS is enough for 2 MB in one call. */
enum { CHUNK = FCGI_MAX_LENGTH & ~7, VECTORS = 64, HEAD_KEEP = 4096 };
enum { HEADERS_CEILING = 16 << 10, BODY_CEILING = 128 << 20 /* as fastcgi_max_temp_file_size */ };

void response_init(struct response *response)
{
  response->status = 0;
  response->content_type = NULL;
  buffer_init(&response->headers, HEADERS_CEILING);
  buffer_init(&response->body, BODY_CEILING);
}

void response_free(struct response *response)
{
  buffer_free(&response->headers);
  buffer_free(&response->body);
  response->status = 0;
  response->content_type = NULL;
}

static const char *reason(int status)
{
  switch (status) {
#define STATUS(name, number, phrase)                                                                                   \
  case number:                                                                                                         \
    return phrase;
#include "base/statuses.def"
#undef STATUS
  default:
    return "Unknown";
  }
}

static unsigned char padding(size_t length)
{
  return (unsigned char)(-length & 7);
}

static void record_header(unsigned char *out, unsigned char type, int id, size_t length)
{
  FCGI_Header header = {
      .version = FCGI_VERSION_1,
      .type = type,
      .requestIdB1 = (unsigned char)(id >> 8),
      .requestIdB0 = (unsigned char)id,
      .contentLengthB1 = (unsigned char)(length >> 8),
      .contentLengthB0 = (unsigned char)length,
      .paddingLength = padding(length),
  };
  memcpy(out, &header, sizeof header);
}

void reply_init(struct reply *reply)
{
  memset(reply, 0, sizeof *reply);
  buffer_init(&reply->head, FCGI_HEADER_LEN + CHUNK);
  buffer_init(&reply->body, BODY_CEILING);
}

void reply_clear(struct reply *reply)
{
  buffer_clear(&reply->head, HEAD_KEEP);
  buffer_free(&reply->body);
  reply->lead = 0;
  reply->sent = 0;
}

void reply_free(struct reply *reply)
{
  buffer_free(&reply->head);
  buffer_free(&reply->body);
}

static bool status_has_body(int status)
{
  return status >= STATUS_OK && status != STATUS_NO_CONTENT;
}

/* The body's beginning goes with the headers, as far as their record can hold it. */
static bool build_head(struct reply *reply, int fcgi_id, const char *request_id, const struct response *response,
                       size_t content_length)
{
  struct buffer *head = &reply->head;
  unsigned char header[FCGI_HEADER_LEN] = {0};
  bool has_body = status_has_body(response->status);
  buffer_append(head, header, sizeof header);
  buffer_append_text(head, "Status: ");
  buffer_append_integer(head, response->status);
  buffer_append_text(head, " ");
  buffer_append_text(head, reason(response->status));
  buffer_append_text(head, "\r\nX-Request-Id: ");
  buffer_append_text(head, request_id);
  if (has_body && response->content_type != NULL) {
    buffer_append_text(head, "\r\nContent-Type: ");
    buffer_append_text(head, response->content_type);
  }
  if (has_body) {
    buffer_append_text(head, "\r\nContent-Length: ");
    buffer_append_integer(head, (int64_t)content_length);
  }
  buffer_append_text(head, "\r\n");
  buffer_append(head, response->headers.data, response->headers.length);
  buffer_append_text(head, "\r\n");
  if (head->failed)
    return false;
  const size_t length = head->length - sizeof header;
  reply->lead = reply->body.length < CHUNK - length ? reply->body.length : CHUNK - length;
  record_header((unsigned char *)head->data, FCGI_STDOUT, fcgi_id, length + reply->lead);
  return true;
}

static void build_rest(struct reply *reply, int fcgi_id)
{
  const size_t beyond = reply->body.length - reply->lead;
  const size_t rest = beyond % CHUNK;
  unsigned char *out = reply->tail;
  memset(out, 0, sizeof reply->tail);
  out += padding(beyond > 0 ? rest : reply->head.length - FCGI_HEADER_LEN + reply->lead);
  record_header(reply->chunk, FCGI_STDOUT, fcgi_id, CHUNK);
  record_header(reply->last, FCGI_STDOUT, fcgi_id, rest);
  record_header(out, FCGI_STDOUT, fcgi_id, 0);
  out += FCGI_HEADER_LEN;
  record_header(out, FCGI_END_REQUEST, fcgi_id, sizeof(FCGI_EndRequestBody));
  out += sizeof(FCGI_EndRequestRecord); /* its body is all zeros: status 0, FCGI_REQUEST_COMPLETE */
  reply->tail_length = (size_t)(out - reply->tail);
}

bool reply_build(struct reply *reply, int fcgi_id, const struct front_request *request, struct response *response)
{
  reply_clear(reply);
  if (response->headers.failed || response->body.failed) {
    response_free(response); /* half an answer is worse than none */
    response->status = STATUS_INTERNAL;
  }
  if (response->content_type == NULL)
    buffer_clear(&response->body, 0);
  const size_t content_length = response->body.length;
  if (request->method != METHOD_HEAD && status_has_body(response->status)) {
    reply->body = response->body;
    buffer_init(&response->body, BODY_CEILING);
  }
  const bool built = build_head(reply, fcgi_id, request->request_id, response, content_length);
  build_rest(reply, fcgi_id);
  response_free(response);
  return built;
}

/* What of the reply is still to be sent, as far as the vectors go. */
struct gather {
  struct iovec vectors[VECTORS];
  size_t count;
  size_t skip;
};

static void gather_add(struct gather *gather, const void *data, size_t length)
{
  if (gather->skip >= length) {
    gather->skip -= length;
    return;
  }
  if (gather->count == VECTORS)
    return;
  gather->vectors[gather->count++] = (struct iovec){
      .iov_base = (char *)data + gather->skip,
      .iov_len = length - gather->skip,
  };
  gather->skip = 0;
}

static void gather_reply(struct gather *gather, const struct reply *reply)
{
  size_t offset = reply->lead;
  gather->count = 0;
  gather->skip = reply->sent;
  gather_add(gather, reply->head.data, reply->head.length);
  gather_add(gather, reply->body.data, reply->lead);
  for (; reply->body.length - offset >= CHUNK && gather->count < VECTORS; offset += CHUNK) {
    gather_add(gather, reply->chunk, sizeof reply->chunk);
    gather_add(gather, reply->body.data + offset, CHUNK);
  }
  if (reply->body.length - offset >= CHUNK)
    return;
  if (offset < reply->body.length) {
    gather_add(gather, reply->last, sizeof reply->last);
    gather_add(gather, reply->body.data + offset, reply->body.length - offset);
  }
  gather_add(gather, reply->tail, reply->tail_length);
}

enum reply_state reply_send(struct reply *reply, int fd)
{
  struct gather gather;
  for (gather_reply(&gather, reply); gather.count > 0; gather_reply(&gather, reply)) {
    struct msghdr message = {.msg_iov = gather.vectors, .msg_iovlen = gather.count};
    ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0)
      reply->sent += (size_t)sent;
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return REPLY_WAITING;
    else if (errno != EINTR)
      return REPLY_BROKEN;
  }
  return REPLY_SENT;
}
