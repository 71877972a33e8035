/* HTTP for the tests. */
#include "system/client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/check.h"

enum { TIMEOUT_SECONDS = 60 };

static const char *base_url;
static CURL *shared;

void client_init(void)
{
  base_url = need_environment("LONTAR_URL");
  need(curl_global_init(CURL_GLOBAL_ALL) == 0, "libcurl cannot be initialised");
  shared = curl_easy_init();
  need(shared != NULL, "no memory");
}

void client_done(void)
{
  curl_easy_cleanup(shared);
  curl_global_cleanup();
}

char *client_url(const char *path)
{
  char *url = NULL;
  const char *prefix = *path == '~' ? "/api/v1" : "";
  need(asprintf(&url, "%s%s%s", base_url, prefix, *path == '~' ? path + 1 : path) > 0, "no memory");
  return url;
}

void answer_done(struct answer *answer)
{
  free(answer->headers);
  free(answer->body);
  json_object_put(answer->json);
  *answer = (struct answer){0};
}

static void text_grow(char **text, size_t length, const char *more, size_t more_length)
{
  *text = realloc(*text, length + more_length + 1);
  need(*text != NULL, "no memory");
  memcpy(*text + length, more, more_length);
  (*text)[length + more_length] = '\0';
}

static size_t take_header(char *data, size_t size, size_t count, void *user)
{
  struct answer *answer = user;
  size_t length = size * count;
  text_grow(&answer->headers, answer->headers ? strlen(answer->headers) : 0, data, length);
  return length;
}

static size_t take_body(char *data, size_t size, size_t count, void *user)
{
  struct answer *answer = user;
  size_t length = size * count;
  text_grow(&answer->body, answer->length, data, length);
  answer->length += length;
  return length;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *line)
{
  struct curl_slist *longer = curl_slist_append(list, line);
  need(longer != NULL, "no memory");
  return longer;
}

static struct curl_slist *add_lines(struct curl_slist *list, const char *lines)
{
  char *copy = strdup(lines), *rest = copy;
  need(copy != NULL, "no memory");
  for (char *line; (line = strsep(&rest, "\n"));)
    list = add_header(list, line);
  free(copy);
  return list;
}

static struct curl_slist *make_headers(const char *token, const char *body, const char *header)
{
  struct curl_slist *list = add_header(NULL, "Expect:");
  if (token) {
    char *line = NULL;
    need(asprintf(&line, "Authorization: Bearer %s", token) > 0, "no memory");
    list = add_header(list, line);
    free(line);
  }
  if (body)
    list = add_header(list, "Content-Type: application/json");
  return header ? add_lines(list, header) : list;
}

static void prepare(CURL *curl, const char *method, const char *path, const char *body, size_t length,
                    struct curl_slist *headers)
{
  char *url = client_url(path);
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_SECONDS);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  if (body || strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? length : 0));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body ? body : "");
  }
  if (strcmp(method, "HEAD") == 0)
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  free(url);
}

static void finish(CURL *curl, struct answer *answer)
{
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
  if (!answer->body)
    text_grow(&answer->body, 0, "", 0);
  if (!answer->headers)
    text_grow(&answer->headers, 0, "", 0);
  answer->json = answer->length > 0 ? json_tokener_parse(answer->body) : NULL;
}

struct answer request_with(const char *method, const char *path, const char *token, const char *body, size_t length,
                           const char *header)
{
  struct answer answer = {0};
  struct curl_slist *headers = make_headers(token, body, header);
  prepare(shared, method, path, body, length, headers);
  curl_easy_setopt(shared, CURLOPT_HEADERDATA, &answer);
  curl_easy_setopt(shared, CURLOPT_WRITEDATA, &answer);
  CURLcode result = curl_easy_perform(shared);
  finish(shared, &answer);
  if (result != CURLE_OK)
    answer.status = 0;
  curl_slist_free_all(headers);
  return answer;
}

struct answer request(const char *method, const char *path, const char *token, const char *body)
{
  return request_with(method, path, token, body, body ? strlen(body) : 0, NULL);
}

void transfer_prepare(struct transfer *transfer, const char *method, const char *path, const char *token,
                      const char *body)
{
  *transfer = (struct transfer){.curl = curl_easy_init(), .headers = make_headers(token, body, NULL)};
  need(transfer->curl != NULL, "no memory");
  prepare(transfer->curl, method, path, body, body ? strlen(body) : 0, transfer->headers);
  curl_easy_setopt(transfer->curl, CURLOPT_HEADERDATA, &transfer->answer);
  curl_easy_setopt(transfer->curl, CURLOPT_WRITEDATA, &transfer->answer);
  curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
}

static size_t give_body(char *out, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  const size_t left = strlen(transfer->body) - transfer->sent;
  const size_t length = left < size * count ? left : size * count;
  memcpy(out, transfer->body + transfer->sent, length);
  transfer->sent += length;
  return length;
}

/* What comes from a function that cannot be wound back is sent once. */
void transfer_once(struct transfer *transfer, const char *body)
{
  transfer->body = strdup(body);
  need(transfer->body != NULL, "no memory");
  curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDS, NULL);
  curl_easy_setopt(transfer->curl, CURLOPT_READFUNCTION, give_body);
  curl_easy_setopt(transfer->curl, CURLOPT_READDATA, transfer);
}

void transfer_again(struct transfer *transfer)
{
  answer_done(&transfer->answer);
}

void transfer_finish(struct transfer *transfer)
{
  finish(transfer->curl, &transfer->answer);
}

void transfer_free(struct transfer *transfer)
{
  curl_easy_cleanup(transfer->curl);
  curl_slist_free_all(transfer->headers);
  free(transfer->body);
  answer_done(&transfer->answer);
}

static int raw_connect(void)
{
  char host[256];
  char port[16];
  need(sscanf(base_url, "http://%255[^:/]:%15[0-9]", host, port) == 2, "LONTAR_URL is not http://HOST:PORT");
  struct addrinfo *address = NULL;
  need(getaddrinfo(host, port, &(struct addrinfo){.ai_socktype = SOCK_STREAM}, &address) == 0, "no such host");
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  need(fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0, "cannot connect to LONTAR_URL");
  struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
  need(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "cannot set a time-out");
  freeaddrinfo(address);
  return fd;
}

struct answer request_raw(const char *bytes, size_t length)
{
  struct answer answer = {0};
  int fd = raw_connect();
  for (size_t sent = 0; sent < length;) {
    ssize_t part = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
    if (part <= 0)
      break; /* the server may refuse early; its answer is read all the same */
    sent += (size_t)part;
  }
  char buffer[4096];
  ssize_t part;
  while ((part = recv(fd, buffer, sizeof buffer, 0)) > 0)
    take_body(buffer, 1, (size_t)part, &answer);
  close(fd);
  if (!answer.body)
    text_grow(&answer.body, 0, "", 0);
  char *end = strstr(answer.body, "\r\n\r\n");
  size_t head = end ? (size_t)(end + 4 - answer.body) : answer.length;
  text_grow(&answer.headers, 0, answer.body, head);
  memmove(answer.body, answer.body + head, answer.length - head + 1);
  answer.length -= head;
  (void)sscanf(answer.headers, "HTTP/%*d.%*d %ld", &answer.status);
  answer.json = answer.length > 0 ? json_tokener_parse(answer.body) : NULL;
  return answer;
}

const char *answer_header(const struct answer *answer, const char *name, char *out, size_t size)
{
  size_t name_length = strlen(name);
  *out = '\0';
  for (const char *line = answer->headers; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
    if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
      continue;
    const char *value = line + name_length + 1;
    value += strspn(value, " ");
    (void)snprintf(out, size, "%.*s", (int)strcspn(value, "\r\n"), value);
  }
  return out;
}

json_object *answer_member(const struct answer *answer, const char *name)
{
  json_object *member = NULL;
  if (json_object_is_type(answer->json, json_type_object))
    json_object_object_get_ex(answer->json, name, &member);
  return member;
}

const char *answer_text(const struct answer *answer, const char *name)
{
  json_object *member = answer_member(answer, name);
  return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "";
}

long long answer_number(const struct answer *answer, const char *name)
{
  json_object *member = answer_member(answer, name);
  return json_object_is_type(member, json_type_int) ? json_object_get_int64(member) : -1;
}

size_t answer_items(const struct answer *answer)
{
  json_object *items = answer_member(answer, "items");
  return json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
}

json_object *answer_item(const struct answer *answer, size_t index)
{
  return index < answer_items(answer) ? json_object_array_get_idx(answer_member(answer, "items"), index) : NULL;
}
