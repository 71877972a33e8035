/* Secrets that travel as bearer tokens: made here, and stored only as their hash. Thread-safe after password_init. */
#ifndef AUTHORIZE_TOKEN_H
#define AUTHORIZE_TOKEN_H

#include <stddef.h>

/* 32 random bytes in URL-safe base64 without padding, and a NUL. */
#define TOKEN_SIZE 44

/* "sha256:", 64 lower-case hexadecimal digits, and a NUL. */
#define TOKEN_HASH_SIZE 72

void token_make(char out[TOKEN_SIZE]);

/* What is stored of a token: fast and unsalted, because a made token is not guessable. */
void token_hash(const char *token, size_t length, char out[TOKEN_HASH_SIZE]);

#endif
