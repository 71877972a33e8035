/* Username and password together, for logins and for services that ask. */
#ifndef HANDLER_CREDENTIALS_H
#define HANDLER_CREDENTIALS_H

#include "handler/exchange.h"

/* Answers 401 unless they belong together; else calls `right` with the user's record in `kept` and its number in the
 * values id and user_id. An outdated hash is replaced before. Takes as long for an unknown user. */
void credentials_check(struct exchange *exchange, exchange_act *right);

#endif
