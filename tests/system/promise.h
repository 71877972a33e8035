/* What must hold while a fault lasts, and soon after it: of each kind its own. */
#ifndef SYSTEM_PROMISE_H
#define SYSTEM_PROMISE_H

#include <stdbool.h>
#include <stddef.h>

struct fault;
struct ledger_event;

/* Just before the fault, when it is done, and just before it is undone. */
void promise_open(const struct fault *fault);
void promise_begin(void);
void promise_end(void);

/* Told of each request. True excuses a status that nobody else may have. */
bool promise_watch(const struct ledger_event *event);

/* Compares. Everything serves since `well`, or does not (0); the fault was undone then. */
void promise_check(double undone, double well);

/* How many were excused. */
size_t promise_excused(void);

#endif
