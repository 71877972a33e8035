/*
 * Where a process was when a fault or an abort ended it, as lines of its log:
 *
 *   2026-01-02T03:04:05.000006Z error worker/0 (pid 42) trace: signal=11 code=1 address=0x0
 *   2026-01-02T03:04:05.000007Z error worker/0 (pid 42) trace: #0 buffer_append+0x1f /usr/sbin/lontard+0x1234
 *
 * Written from the signal's handler, on a stack of its own, without a lock or memory from the heap. The signal then
 * ends the process as it would have: exit status and core file stay what they are.
 */
#ifndef LOG_TRACE_H
#define LOG_TRACE_H

/* For this process and those it forks. Does nothing where lontard was built without libunwind. */
void trace_init(void);

#endif
