/*
 * The tests' browser: HTTP through libcurl, and raw bytes for what libcurl will not send. Not thread-safe.
 *
 * Paths are written as in routes.def: '~' at the beginning stands for /api/v1.
 */
#ifndef SYSTEM_CLIENT_H
#define SYSTEM_CLIENT_H

#include <curl/curl.h>
#include <json-c/json.h>
#include <stddef.h>

/* What came back. Status 0: nothing did. Begin with {0} where answer_done may run before a request. */
struct answer {
  long status;
  char *headers;     /* the status line and headers as they came */
  char *body;        /* ends with NUL; never NULL */
  size_t length;     /* of the body */
  json_object *json; /* the body parsed; NULL when it is not JSON */
};

void answer_done(struct answer *answer);

/* An answer that frees itself at the end of its scope. */
#define ANSWER __attribute__((cleanup(answer_done))) struct answer

/* Reads LONTAR_URL; ends the program when it is not set. */
void client_init(void);
void client_done(void);

/* The address of a path. The caller frees it. */
char *client_url(const char *path);

/* `token` and `body` may be NULL. A body is sent as application/json. */
struct answer request(const char *method, const char *path, const char *token, const char *body);

/* With more header lines ("Name: value", one a line; may be NULL). */
struct answer request_with(const char *method, const char *path, const char *token, const char *body, size_t length,
                           const char *header);

static inline struct answer get(const char *path, const char *token)
{
  return request("GET", path, token, NULL);
}

static inline struct answer post(const char *path, const char *token, const char *body)
{
  return request("POST", path, token, body);
}

static inline struct answer patch(const char *path, const char *token, const char *body)
{
  return request("PATCH", path, token, body);
}

static inline struct answer erase(const char *path, const char *token)
{
  return request("DELETE", path, token, NULL);
}

/* Sends the bytes as they are and reads until the server closes. */
struct answer request_raw(const char *bytes, size_t length);

/* An easy handle for many requests at once, which takes `answer` as its sink; the caller ends it with transfer_free. */
struct transfer {
  CURL *curl;
  struct curl_slist *headers;
  struct answer answer;
  char *body; /* of transfer_once */
  size_t sent;
};
void transfer_prepare(struct transfer *transfer, const char *method, const char *path, const char *token,
                      const char *body);
/* Takes the body again so that libcurl cannot send it twice: it repeats a request, a POST too, whose kept connection
 * ends without an answer. */
void transfer_once(struct transfer *transfer, const char *body);
/* Empties the answer, so that the same request can be sent again on its connection. */
void transfer_again(struct transfer *transfer);
/* Reads status and JSON after libcurl has done its work. */
void transfer_finish(struct transfer *transfer);
void transfer_free(struct transfer *transfer);

/* The value of a header in `out`, "" when it is not there. Returns `out`. */
const char *answer_header(const struct answer *answer, const char *name, char *out, size_t size);

/* Members of the JSON document; NULL, "" or -1 when it has none. */
json_object *answer_member(const struct answer *answer, const char *name);
const char *answer_text(const struct answer *answer, const char *name);
long long answer_number(const struct answer *answer, const char *name);

/* The entries of a list answer: how many, and one member of one. */
size_t answer_items(const struct answer *answer);
json_object *answer_item(const struct answer *answer, size_t index);

#endif
