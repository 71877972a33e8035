/* Health as HTTP: for people and load balancers, and numbers for Prometheus. Nothing here asks the database. */
#include "health/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "handler/own.h"
#include "handler/refuse.h"
#include "health/complaint.h"
#include "health/publish.h"
#include "health/render.h"
#include "json/writer.h"

#define HEALTH_JSON "application/health+json"
#define METRICS_TEXT "text/plain; version=0.0.4; charset=utf-8"

/* Too large for the stack; NULL, and an answer, when there is no memory. The caller frees it. */
static struct board_snapshot *take_snapshot(struct exchange *exchange)
{
  struct board_snapshot *snapshot = malloc(sizeof *snapshot);
  if (snapshot == NULL)
    refuse(exchange, LONTAR_INTERNAL);
  else
    publish_look(exchange->handler->board, exchange->handler->config->run_dir, snapshot);
  return snapshot;
}

static void begin_health(struct exchange *exchange, bool good, const char *content_type)
{
  exchange_answer(exchange, good ? STATUS_OK : STATUS_UNAVAILABLE, content_type);
  if (!good)
    buffer_append_format(&exchange->response.headers, "Retry-After: %d\r\n", pool_retry_after(exchange->handler->pool));
}

static void write_check(struct buffer *body, const char *name, const char *type, const char *status)
{
  json_key(body, name);
  buffer_append_format(body, "[{\"componentType\":\"%s\",\"status\":\"%s\"}]", type, status);
}

static void write_troubles(struct buffer *body, const struct board_snapshot *snapshot)
{
  char name[64];
  for (int i = TROUBLE_NONE + 1; i < TROUBLE_KINDS; i++) {
    if (!complaint_has(snapshot, (enum trouble)i))
      continue;
    (void)snprintf(name, sizeof name, "trouble:%s", complaint_name((enum trouble)i));
    buffer_append_text(body, ",");
    write_check(body, name, "component", "warn");
  }
}

/* Requests that wait for a moment are no news for who asks often: those that wait for long are a complaint. */
static enum health state_for_others(const struct board_snapshot *snapshot)
{
  const enum health state = health_state(snapshot);
  const bool whole = (uint64_t)health_workers_alive(snapshot) == snapshot->layout.head.workers;
  return state == HEALTH_WARN && whole && !health_doubtful(snapshot) ? HEALTH_PASS : state;
}

void health_all(struct exchange *exchange)
{
  CLEANUP_FREE struct board_snapshot *snapshot = take_snapshot(exchange);
  struct buffer *body = &exchange->response.body;
  if (snapshot == NULL)
    return;
  const enum health state = state_for_others(snapshot);
  const bool good = state != HEALTH_FAIL;
  const bool database = health_database(snapshot) == BOARD_DATABASE_UP;
  const bool wrong = health_encoding_wrong(snapshot);
  const int alive = health_workers_alive(snapshot);
  begin_health(exchange, good, HEALTH_JSON);
  buffer_append_format(body, "{\"status\":\"%s\",\"output\":\"", health_word(state));
  health_sentence(snapshot, body);
  buffer_append_text(body, "\",\"checks\":{");
  write_check(body, "database:connection", "datastore", database ? "pass" : "fail");
  buffer_append_text(body, ",");
  write_check(body, "workers:alive", "component", alive > 0 ? "pass" : "fail");
  if (wrong) {
    buffer_append_text(body, ",");
    write_check(body, "database:encoding", "datastore", "warn");
  }
  if (good && snapshot->layout.prober.alarm != BOARD_ALARM_NONE) {
    buffer_append_text(body, ",");
    write_check(body, "database:primary", "datastore", "warn");
  }
  if (good)
    write_troubles(body, snapshot);
  buffer_append_text(body, "}}");
}

void health_live(struct exchange *exchange)
{
  exchange_answer(exchange, STATUS_OK, JSON_CONTENT_TYPE);
  buffer_append_text(&exchange->response.body, "{\"status\":\"pass\"}");
}

void health_ready(struct exchange *exchange)
{
  CLEANUP_FREE struct board_snapshot *snapshot = take_snapshot(exchange);
  if (snapshot == NULL)
    return;
  const bool good = health_state(snapshot) != HEALTH_FAIL;
  begin_health(exchange, good, JSON_CONTENT_TYPE);
  buffer_append_format(&exchange->response.body, "{\"status\":\"%s\"}", good ? "pass" : "fail");
}

void health_metrics(struct exchange *exchange)
{
  CLEANUP_FREE struct board_snapshot *snapshot = take_snapshot(exchange);
  if (snapshot == NULL)
    return;
  exchange_answer(exchange, STATUS_OK, METRICS_TEXT);
  render_metrics(snapshot, &exchange->response.body);
}
