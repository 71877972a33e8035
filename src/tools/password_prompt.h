/* Asks the operator for a password. */
#ifndef TOOLS_PASSWORD_PROMPT_H
#define TOOLS_PASSWORD_PROMPT_H

#include <stddef.h>

enum { PASSWORD_LINE_SIZE = 8192 };

/*
 * Reads a password: on a terminal twice and without echo, else one line of standard input. It is checked by the rules
 * of the field `password`. COMMAND_DONE, or COMMAND_FAILED after the reason was printed. The caller wipes `line`.
 */
int password_prompt(char line[PASSWORD_LINE_SIZE], size_t *ret_length);

#endif
