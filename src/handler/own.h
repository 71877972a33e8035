/* The answers that are no operation's: a function for each OWN of routes.def. */
#ifndef HANDLER_OWN_H
#define HANDLER_OWN_H

#include "handler/exchange.h"

#define DO(operation)
#define OWN(function) exchange_act function;
#define ROUTE(name, method, path, who, what, answer) what
#include "route/routes.def"
#undef ROUTE
#undef OWN
#undef DO

/* NULL for a route that does an operation. */
extern exchange_act *const own_rows[ROUTE_COUNT];

#endif
