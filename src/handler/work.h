/*
 * What an exchange has done for it: the look-up of a session, the steps of its operation, and the answer at the end.
 *
 * Each stretch of work begins with work_enter and ends in work_leave, after which the caller may not touch the exchange
 * any more. Belongs to the loop's thread.
 */
#ifndef HANDLER_WORK_H
#define HANDLER_WORK_H

#include "handler/exchange.h"

void work_enter(struct exchange *exchange);
void work_leave(struct exchange *exchange);

/* Sends the look-up of the session whose token hash is in `bearer_hash`; `step` gets its result, also a failure. */
void work_look_up(struct exchange *exchange, exchange_lookup_step *step);

/* Does what the row says, once its input was read and is good. While the look-up is out it goes no further than cheap
 * reads; when the caller was let in it is called again and goes on. */
void work(struct exchange *exchange);

/* The caller is not let in: what was not sent yet is taken back, what comes is not told. */
void work_refuse(struct exchange *exchange, enum lontar_error error);

/* nginx has left. */
void work_abandon(struct exchange *exchange);

#endif
