/* Username and password together, for logins and for services that ask. */
#ifndef HANDLER_CREDENTIALS_H
#define HANDLER_CREDENTIALS_H

#include "handler/exchange.h"

/* Answers 401 unless they belong together; else calls `right` with the user's record in `kept` and its number in the
 * values id and user_id; `stored_hash` is the one that was right. An outdated hash is replaced before, if that can be
 * done. Takes as long for an unknown user. */
void credentials_check(struct exchange *exchange, exchange_act *right);

/* For `right`, when it finds that the stored hash is another one by now: checks once more from the beginning. */
void credentials_changed(struct exchange *exchange);

#endif
