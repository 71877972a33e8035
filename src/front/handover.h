/*
 * Passing connections to another process: an open connection goes through a unix socket (SCM_RIGHTS) with whatever
 * lies unread in it. Until it is taken it belongs to the socket between them, and outlives both ends' processes as long
 * as somebody holds that. Not thread-safe.
 */
#ifndef FRONT_HANDOVER_H
#define FRONT_HANDOVER_H

/* One way, from [1] to [0] as in pipe(2), both non-blocking and close-on-exec. 0, or -1 with errno. */
int handover_open(int ret_ends[2]);

/* Sends a copy of the descriptor; the caller closes its own. 0, or -1 with errno when there is no room at the moment.
 */
int handover_send(int end, int descriptor);

/* The next descriptor, close-on-exec; -1 with errno: EAGAIN when there is none, another when the process has no room
 * for one, which then stays where it is. */
int handover_receive(int end);

#endif
