/* The memory of an exchange, and of its answer. */
#include "handler/exchange.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

enum { KEEP = 16 * 1024 };

struct exchange *exchange_new(struct handler *handler, struct front_request *request)
{
  struct exchange *exchange = calloc(1, sizeof *exchange + request->path_length + strlen(request->query));
  if (exchange == NULL)
    return NULL;
  exchange->handler = handler;
  exchange->request = request;
  exchange->row = &route_rows[ROUTE_none];
  exchange->wait_until = request->arrived + handler->config->pool_timeout;
  exchange->holds = 1;
  exchange->scratch_next = exchange->scratch;
  response_init(&exchange->response);
  request->exchange = exchange;
  return exchange;
}

void exchange_free(struct exchange *exchange)
{
  response_free(&exchange->response);
  operation_clear(&exchange->operation);
  json_object_put(exchange->body);
  free(exchange->problems);
  free(exchange->reason);
  free(exchange);
}

void exchange_answer(struct exchange *exchange, int status, const char *content_type)
{
  struct response *response = &exchange->response;
  buffer_clear(&response->body, KEEP);
  buffer_clear(&response->headers, KEEP);
  response->status = status;
  response->content_type = content_type;
  free(exchange->reason);
  exchange->reason = NULL;
}
