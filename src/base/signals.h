/* A process's signals, by lists of their numbers that end with 0. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

void signals_block(const int *numbers);

/* Nothing is blocked any more; what has come meanwhile comes now. */
void signals_unblock(void);

/* They wait in a descriptor from here on, so that nothing happens between the steps of a loop; a broken pipe is an
 * error and no signal. -1 with errno. */
int signals_open(const int *numbers);

#endif
