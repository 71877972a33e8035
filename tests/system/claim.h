/*
 * What /health claims, compared with what the writers got: a thread asks beside the load. A claim is hollow when it
 * says "pass" while lately chats were only refused; one may be late, two in a row are wrong.
 */
#ifndef SYSTEM_CLAIM_H
#define SYSTEM_CLAIM_H

struct ledger_event;

void claim_start(void);

/* Told of each request. */
void claim_watch(const struct ledger_event *event);

/* The fault under way, NULL between faults. */
void claim_during(const char *name);

/* Prints which faults had hollow claims, and checks that there were none. */
void claim_report(void);

#endif
