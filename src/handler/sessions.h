/* New sessions, for logins and for services. */
#ifndef HANDLER_SESSIONS_H
#define HANDLER_SESSIONS_H

#include "handler/exchange.h"

/* Makes a session for the value user_id with the value token, or else a new one, which then is that value. */
void session_open(struct exchange *exchange, exchange_step *step);

#endif
