/* The deletion of expired sessions that a worker does by itself. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "handler/exchange.h"
#include "handler/handler.h"
#include "log/log.h"
#include "pool/reason.h"

enum { CLEANUP_BATCH = 1000 };

struct cleanup {
  struct handler *handler;
  struct job job;
  int64_t deleted;
};

static void send_batch(struct cleanup *cleanup);

static void finish(struct cleanup *cleanup)
{
  if (cleanup->deleted > 0)
    log_line(LOG_LEVEL_INFO, "expired sessions deleted=%lld", (long long)cleanup->deleted);
  cleanup->handler->cleanup = NULL;
  free(cleanup);
}

static void batch_deleted(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct cleanup *cleanup = job->owner;
  struct value count;
  if (error == LONTAR_OK && !result_value(result, 0, STATEMENT_session_delete_expired, FIELD_count, &count))
    error = LONTAR_INTERNAL;
  if (error != LONTAR_OK) {
    char reason[REASON_SIZE] = "";
    if (result != NULL)
      (void)reason_write(reason, sizeof reason, result);
    log_line(LOG_LEVEL_WARNING, "expired sessions could not be deleted: %s %s", lontar_error_code(error), reason);
    finish(cleanup);
    return;
  }
  cleanup->deleted += count.integer;
  if (count.integer < CLEANUP_BATCH)
    finish(cleanup);
  else
    send_batch(cleanup);
}

/* The answer may come at once, so nothing is touched after the submission. */
static void send_batch(struct cleanup *cleanup)
{
  struct values values = {0};
  cleanup->job = (struct job){
      .statement = STATEMENT_session_delete_expired,
      .owner = cleanup,
      .done = batch_deleted,
      .waiter = {.wait_until = clock_steady() + cleanup->handler->config->pool_timeout},
  };
  value_set_integer(&values.of[FIELD_limit], CLEANUP_BATCH);
  statement_bind(STATEMENT_session_delete_expired, &values, &cleanup->job.parameters);
  pool_submit(cleanup->handler->pool, &cleanup->job);
}

void handler_cleanup_sessions(struct handler *handler)
{
  if (handler->cleanup != NULL)
    return;
  struct cleanup *cleanup = calloc(1, sizeof *cleanup);
  if (cleanup == NULL)
    return;
  cleanup->handler = handler;
  handler->cleanup = cleanup;
  send_batch(cleanup);
}
