/*
 * Who of those that wait is sent next, and on which connection: the part of the policy that is asked most. Pure, as the
 * rest of it.
 */
#ifndef POOL_CHOICE_H
#define POOL_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/slots.h"

/* Ready, and proved so lately that somebody's statement may be sent there. */
bool choice_is_usable(const struct policy_slot *slot, int64_t now);

/* Ready, with nothing in flight and nothing on its way there. */
bool choice_is_idle(const struct policy_slot *slot);

/* Whether somebody could be sent somewhere at once. */
bool choice_has_idle(const struct policy *policy, int64_t now);

/* True while no write can be sent, and none of those that hold the places will make way by itself. */
bool choice_refuses_writes(const struct policy *policy, int64_t now);

/* In the order of asking, but who finds no connection does not hold up those of other classes: except that a write
 * which waits while nobody writes makes later reads wait too, or a steady stream of them would never let it in. NULL
 * when nobody can be sent now. */
struct waiter *choice_next(const struct policy *policy, int64_t now, int *ret_slot);

#endif
