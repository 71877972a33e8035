/* The deletion of expired sessions that a worker does by itself. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "handler/handler.h"
#include "log/log.h"
#include "operation/operation.h"
#include "pool/reason.h"

struct cleanup {
  struct handler *handler;
  struct job job;
  struct operation operation;
};

static void send_part(struct cleanup *cleanup);

static void finish(struct cleanup *cleanup)
{
  if (cleanup->operation.number > 0)
    log_line(LOG_LEVEL_INFO, "expired sessions deleted=%lld", (long long)cleanup->operation.number);
  cleanup->handler->cleanup = NULL;
  free(cleanup);
}

static void part_deleted(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct cleanup *cleanup = job->owner;
  operation_told_rows(&cleanup->operation, error, result, clock_steady());
  if (error == LONTAR_OK)
    error = cleanup->operation.error;
  if (error != LONTAR_OK) {
    char reason[REASON_SIZE] = "";
    if (result != NULL)
      (void)reason_write(reason, sizeof reason, result);
    log_line(LOG_LEVEL_WARNING, "expired sessions could not be deleted: %s %s", lontar_error_code(error), reason);
  }
  if (cleanup->operation.want == WANT_ROWS)
    send_part(cleanup);
  else
    finish(cleanup);
}

/* The answer may come at once, so nothing is touched after the submission. */
static void send_part(struct cleanup *cleanup)
{
  cleanup->job = (struct job){
      .first.statement = cleanup->operation.statement,
      .owner = cleanup,
      .done = part_deleted,
      .waiter = {.wait_until = clock_steady() + cleanup->handler->config->pool_timeout},
  };
  statement_bind(cleanup->operation.statement, &cleanup->operation.values, &cleanup->job.first.parameters);
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
  cleanup->operation.row = &operation_rows[OPERATION_session_delete_expired];
  cleanup->operation.until = INT64_MAX;
  operation_begin(&cleanup->operation);
  send_part(cleanup);
}
