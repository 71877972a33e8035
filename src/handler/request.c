/* The way of a request through this room: route, path, then who may pass. */
#include "base/clock.h"
#include "handler/admit.h"
#include "handler/exchange.h"
#include "handler/handler.h"
#include "handler/input.h"
#include "handler/refuse.h"

static void answer_without_memory(struct handler *handler, struct front_request *request)
{
  const int64_t now = clock_steady();
  struct response response;
  handler->without_memory = now;
  response_init(&response);
  response.status = lontar_error_http_status(LONTAR_INTERNAL);
  board_request_count(handler->slot, response.status, now - request->arrived);
  request->exchange = NULL;
  front_respond(request, &response);
  response_free(&response);
}

static enum lontar_error find_row(struct exchange *exchange)
{
  const struct front_request *request = exchange->request;
  enum lontar_error error = route_find(request->method, request->path, request->path_length, &exchange->match);
  if (error != LONTAR_OK)
    return error;
  exchange->row = &route_rows[exchange->match.route];
  return input_read_path(exchange);
}

void handler_request(void *owner, struct front_request *request)
{
  struct exchange *exchange = exchange_new(owner, request);
  if (exchange == NULL) {
    answer_without_memory(owner, request);
    return;
  }
  enum lontar_error error = find_row(exchange);
  exchange_enter(exchange);
  if (error == LONTAR_OK)
    admit(exchange);
  else
    refuse_input(exchange, error, exchange->problems);
  exchange_leave(exchange);
}

void handler_gone(void *owner, struct front_request *request)
{
  struct exchange *exchange = request->exchange;
  (void)owner;
  if (exchange == NULL)
    return;
  exchange->holds++;
  exchange_enter(exchange);
  exchange_abandon(exchange);
  exchange_leave(exchange);
}
