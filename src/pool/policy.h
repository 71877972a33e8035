/*
 * The pool's decisions, apart from its doing: who gets which connection, when one is opened, checked, replaced or given
 * up. Pure: time (microseconds on the steady clock) and random bits are passed in, so tests drive it with a clock of
 * their own.
 *
 * The owner tells what happened (policy_ask, policy_opened, policy_answered, policy_closed …) and then does what
 * policy_next says until it has nothing more to say; a few times a second, what policy_due says. An action counts as
 * done when it is told. Belongs to one thread.
 */
#ifndef POOL_POLICY_H
#define POOL_POLICY_H

#include <lontar/error.h>

#include "pool/slots.h"

enum policy_act {
  POLICY_SEND,    /* the waiter's statement on the slot; it is out of the queue */
  POLICY_OPEN,    /* a connection in the slot */
  POLICY_CHECK,   /* that the server still answers on the slot */
  POLICY_CLOSE,   /* the slot, which is idle, for `reason` */
  POLICY_LATE,    /* the slot's connection takes too long to open; it goes on */
  POLICY_ABANDON, /* the slot's connection: nothing was heard of the server for too long */
  POLICY_REFUSE,  /* the waiter gets `error`; it is out of the queue */
};

struct policy_action {
  enum policy_act act;
  int slot;
  struct waiter *waiter;
  enum lontar_error error;
  enum policy_reason reason;
};

void policy_init(struct policy *policy, const struct policy_settings *settings, const struct policy_budget *budget);

/* From now on connections are only closed, but for one as long as somebody waits. */
void policy_drain(struct policy *policy);

/* Whether dear reads are to wait: there is no room for their answers. */
void policy_hold_dear(struct policy *policy, bool hold);

/* Queues a waiter. LONTAR_OK; LONTAR_UNAVAILABLE when the database is known to be away, LONTAR_BUSY when too many
 * wait, or for a write while connections that were given up hold every place for it: it is not queued then. */
enum lontar_error policy_ask(struct policy *policy, struct waiter *waiter, int64_t now);

/* Queues one whose statement was taken from it again, before all others. */
void policy_ask_again(struct policy *policy, struct waiter *waiter, int64_t now);

/* The same after a pause at random, which grows with the attempts (from 1), and is longer for one that met a lock. */
void policy_ask_later(struct policy *policy, struct waiter *waiter, int attempt, int64_t now, uint32_t random);

/* False when it does not wait. */
bool policy_withdraw(struct policy *policy, struct waiter *waiter);

/* What is sent from now on belongs to other segments. */
void policy_round_over(struct policy *policy);

void policy_opened(struct policy *policy, int slot, int64_t now, uint32_t random);

/* Bytes came from the server. */
void policy_heard(struct policy *policy, int slot, int64_t now);

/* The oldest statement of the slot was answered: the waiter's, or with NULL a check. */
void policy_answered(struct policy *policy, int slot, const struct waiter *waiter, int64_t now);

/* The slot's connection is to be replaced once its pipeline is empty. */
void policy_retire(struct policy *policy, int slot, enum policy_reason reason);

/* The same in its turn, as when it had grown old. */
void policy_renew(struct policy *policy, int slot, int64_t now);

/* The server does not take writes any more: every connection that is a second old or more is to be replaced. */
void policy_demoted(struct policy *policy, int64_t now);

/* The slot's connection is of no use any more, but the server may still have it: the same as policy_closed, which tells
 * its end, but for the place. */
void policy_leaving(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random);

/* The slot's connection is gone; its statements are the owner's to ask again. One that was still connecting counts as a
 * failed attempt, unless it was dismissed. */
void policy_closed(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random);

/* The prober's word. Whoever hears that the database is back connects at once. */
void policy_told(struct policy *policy, enum policy_word word, int64_t now);

/* Whether it is still unknown to which server connections are to go. */
void policy_await(struct policy *policy, bool await);

/* They go to another server from now on: at once. */
void policy_moved(struct policy *policy, int64_t now);

/* True while nobody is queued because the database is known to be away. */
bool policy_is_down(const struct policy *policy);

/* What is to be done now. */
bool policy_next(struct policy *policy, int64_t now, struct policy_action *ret_action);

/* What has become due by time alone; false ends one pass over all slots and waiters. */
bool policy_due(struct policy *policy, int64_t now, struct policy_action *ret_action);

#endif
