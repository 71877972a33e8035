/* Knows when PostgreSQL accepts connections again: a thread asks as pg_isready does, beside the load. */
#ifndef SYSTEM_WITNESS_H
#define SYSTEM_WITNESS_H

void witness_start(void);

/* Look out for a server that goes away, or is away, and returns. */
void witness_look(void);

/* When it returned, by stack_clock; 0 while it has not. If it goes away again, its next return counts. */
double witness_returned(void);

/* Enough. */
void witness_rest(void);

#endif
