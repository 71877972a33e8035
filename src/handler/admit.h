/* Who may pass: credential, role and owner, before the operation begins. */
#ifndef HANDLER_ADMIT_H
#define HANDLER_ADMIT_H

struct exchange;

/* Begins the operation once the caller is known to be allowed, or answers 401 or 403. A read may be sent together with
 * the look-up of its session; its answer then waits for both. */
void admit(struct exchange *exchange);

#endif
