/* What is measured of each fault, and of all of them. */
#ifndef SYSTEM_TRIAL_H
#define SYSTEM_TRIAL_H

#include <stdbool.h>

struct fault;
struct ledger_event;

/* Just before the fault, after it was undone, and at its end; everything serves since `well`, or does not (0). */
void trial_begin(const struct fault *fault);
void trial_undone(void);
void trial_end(double well);

/* Called often in between. */
void trial_look(void);

/* A ledger_watch: requests cut by a dying nginx count apart. */
bool trial_watch(const struct ledger_event *event);

/* Prints the distributions and checks what is promised of them. */
void trial_report(void);

#endif
