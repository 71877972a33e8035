/* The table of handlers by route, and the one for rows that name a statement. */
#include "handler/operation.h"

#include <stdio.h>

#include "base/clock.h"
#include "handler/answer.h"
#include "handler/exchange.h"
#include "handler/input.h"
#include "handler/refuse.h"

static exchange_act *const handlers[ROUTE_COUNT] = {
    [ROUTE_login] = auth_login,
    [ROUTE_session_get] = auth_session_get,
    [ROUTE_logout] = auth_logout,
    [ROUTE_user_create] = users_create,
    [ROUTE_user_verify] = users_verify,
    [ROUTE_user_update] = users_update,
    [ROUTE_session_create] = sessions_create,
    [ROUTE_chat_create] = chats_create,
    [ROUTE_health] = health_all,
    [ROUTE_health_live] = health_live,
    [ROUTE_health_ready] = health_ready,
    [ROUTE_metrics] = health_metrics,
};

static void owner_checked(struct exchange *exchange, const PGresult *result)
{
  if (PQntuples(result) == 0)
    refuse(exchange, LONTAR_NOT_FOUND);
}

/* Nothing belongs to the user or subject of the path: does it exist at all? The empty answer stands unless it does
 * not. */
static void check_owner(struct exchange *exchange)
{
  const struct value *user = &exchange->path.of[FIELD_user_id];
  const struct value *subject = &exchange->path.of[FIELD_subject_id];
  if (user->state == VALUE_SET && user->integer != exchange->principal.user_id) {
    *exchange_value(exchange, FIELD_id) = *user;
    exchange_submit(exchange, STATEMENT_user_get, owner_checked);
  } else if (subject->state == VALUE_SET) {
    *exchange_value(exchange, FIELD_id) = *subject;
    exchange_submit(exchange, STATEMENT_subject_get, owner_checked);
  }
}

static bool is_first_page(struct exchange *exchange)
{
  return exchange_value(exchange, FIELD_after)->state != VALUE_SET &&
         exchange_value(exchange, FIELD_before)->state != VALUE_SET &&
         exchange_value(exchange, FIELD_offset)->integer == 0;
}

static void list_found(struct exchange *exchange, const PGresult *result);

/* Not for who may yet turn out to be a stranger: when he may pass, the operation begins anew. */
static void list_long_texts(struct exchange *exchange)
{
  answer_begin(exchange, 0, NULL);
  exchange->begun = !exchange->lookup_is_out;
  if (exchange->begun)
    exchange_submit(exchange, statement_long(exchange->operation.first.statement), list_found);
}

static void list_found(struct exchange *exchange, const PGresult *result)
{
  if (!answer_list(exchange, result))
    list_long_texts(exchange);
  else if (PQntuples(result) == 0 && is_first_page(exchange))
    check_owner(exchange);
}

static void counted(struct exchange *exchange, const PGresult *result)
{
  int64_t count;
  if (!answer_integer(exchange, result, FIELD_count, &count))
    return;
  answer_count(exchange, count);
  if (count == 0)
    check_owner(exchange);
}

static void deletion_ran(struct exchange *exchange, const PGresult *result);

static void deletion_submit(struct exchange *exchange)
{
  exchange_submit(exchange, exchange->deletion.statement, deletion_ran);
}

static void deletion_answer(struct exchange *exchange, enum deletion_step step, const struct value *referrer)
{
  char detail[128];
  if (step == DELETION_ABSENT) {
    answer_nothing(exchange);
  } else if (step == DELETION_KEPT) {
    refuse_internal(exchange, ANSWER_KEPT);
  } else if (step == DELETION_REFERENCED) {
    (void)snprintf(detail, sizeof detail, "It is still referred to by the table %.*s", (int)referrer->length,
                   referrer->text);
    refuse_because(exchange, LONTAR_REFERENCED, detail);
  } else if (exchange->row->answer == ANSWER_GONE) {
    answer_gone(exchange);
  } else {
    answer_deleted(exchange, exchange->deletion.deleted, false);
  }
}

/* Others' jobs come in between two parts; when the request's time is over, the caller asks again. */
static void deletion_ran(struct exchange *exchange, const PGresult *result)
{
  struct deletion *deletion = &exchange->deletion;
  struct values row = {0};
  const bool found = PQntuples(result) > 0;
  if (found && !result_values(result, 0, deletion->statement, &row)) {
    refuse_internal(exchange, ANSWER_UNREADABLE);
    return;
  }
  enum deletion_step step = deletion_take(deletion, found ? &row : NULL, &exchange->values);
  if (step != DELETION_GOES_ON)
    deletion_answer(exchange, step, &row.of[FIELD_referrer]);
  else if (deletion->deleted > 0 && clock_steady() >= exchange->wait_until)
    answer_deleted(exchange, deletion->deleted, true);
  else
    deletion_submit(exchange);
}

void operation_delete(struct exchange *exchange, enum statement statement)
{
  deletion_begin(&exchange->deletion, statement, &exchange->values);
  deletion_submit(exchange);
}

void operation_answer(struct exchange *exchange, const PGresult *result)
{
  switch (exchange->row->answer) {
  case ANSWER_RECORD:
    answer_record(exchange, result);
    break;
  case ANSWER_CREATED:
    answer_created(exchange, result);
    break;
  case ANSWER_LIST:
    list_found(exchange, result);
    break;
  case ANSWER_COUNT:
    counted(exchange, result);
    break;
  case ANSWER_GONE:
  case ANSWER_DELETED:
  case ANSWER_SPECIAL: /* have steps of their own */
    refuse(exchange, LONTAR_INTERNAL);
    break;
  }
}

static void begin_statement(struct exchange *exchange)
{
  const struct route_row *row = exchange->row;
  const bool backwards = exchange_value(exchange, FIELD_before)->state == VALUE_SET;
  if (row->answer == ANSWER_GONE || row->answer == ANSWER_DELETED)
    operation_delete(exchange, row->statement);
  else
    exchange_submit(exchange, backwards ? row->statement_before : row->statement, operation_answer);
}

void operation_begin(struct exchange *exchange)
{
  exchange_act *handler = handlers[exchange->match.route];
  exchange->begun = true;
  if (handler != NULL)
    handler(exchange);
  else
    begin_statement(exchange);
}
