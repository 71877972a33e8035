/* The table of answers that are no operation's, and the one that a look-up has found already. */
#include "handler/own.h"

#include "handler/refuse.h"
#include "json/rows.h"

exchange_act *const own_rows[ROUTE_COUNT] = {
#define DO(operation) NULL
#define OWN(function) function
#define ROUTE(name, method, path, who, what, answer) [ROUTE_##name] = what,
#include "route/routes.def"
#undef ROUTE
#undef OWN
#undef DO
};

void session_show(struct exchange *exchange)
{
  exchange_answer(exchange, exchange->row->status, JSON_CONTENT_TYPE);
  if (!rows_write_record(&exchange->response.body, exchange->lookup_result, 0, STATEMENT_session_principal))
    refuse_internal(exchange, OPERATION_UNREADABLE);
}
