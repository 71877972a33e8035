/* The deletion of expired sessions that a worker does by itself. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "handler/exchange.h"
#include "handler/handler.h"
#include "log/log.h"
#include "pool/reason.h"

struct cleanup {
  struct handler *handler;
  struct job job;
  struct deletion deletion;
  struct values values; /* of its statement */
};

static void send_part(struct cleanup *cleanup);

static void finish(struct cleanup *cleanup)
{
  if (cleanup->deletion.deleted > 0)
    log_line(LOG_LEVEL_INFO, "expired sessions deleted=%lld", (long long)cleanup->deletion.deleted);
  cleanup->handler->cleanup = NULL;
  free(cleanup);
}

static void part_deleted(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct cleanup *cleanup = job->owner;
  struct values row = {0};
  if (error == LONTAR_OK && !result_values(result, 0, cleanup->deletion.statement, &row))
    error = LONTAR_INTERNAL;
  if (error != LONTAR_OK) {
    char reason[REASON_SIZE] = "";
    if (result != NULL)
      (void)reason_write(reason, sizeof reason, result);
    log_line(LOG_LEVEL_WARNING, "expired sessions could not be deleted: %s %s", lontar_error_code(error), reason);
    finish(cleanup);
    return;
  }
  if (deletion_take(&cleanup->deletion, &row, &cleanup->values) == DELETION_GOES_ON)
    send_part(cleanup);
  else
    finish(cleanup);
}

/* The answer may come at once, so nothing is touched after the submission. */
static void send_part(struct cleanup *cleanup)
{
  cleanup->job = (struct job){
      .first.statement = cleanup->deletion.statement,
      .owner = cleanup,
      .done = part_deleted,
      .waiter = {.wait_until = clock_steady() + cleanup->handler->config->pool_timeout},
  };
  statement_bind(cleanup->deletion.statement, &cleanup->values, &cleanup->job.first.parameters);
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
  deletion_begin(&cleanup->deletion, STATEMENT_session_delete_expired, &cleanup->values);
  send_part(cleanup);
}
