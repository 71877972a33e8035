/* Secrets that travel as bearer tokens: made here, and stored only as their hash. Thread-safe after password_init. */
#ifndef AUTHORIZE_TOKEN_H
#define AUTHORIZE_TOKEN_H

#include <stddef.h>

/* 32 random bytes in URL-safe base64 without padding, and a NUL. */
#define TOKEN_SIZE 44

/* "sha256:", 64 lower-case hexadecimal digits, and a NUL. */
#define TOKEN_HASH_SIZE 72

/* Characters of a token that a caller chooses. */
enum { TOKEN_CHOSEN_MIN = 32, TOKEN_CHOSEN_MAX = 255 };

void token_make(char out[TOKEN_SIZE]);

/* Whether a caller may choose this token for a session: what every header can carry (b64token of RFC 6750), long enough
 * not to be guessed, and no service key. Returns NULL, or a sentence that says what is wrong, static. Tokens of an
 * adopted database may be others. */
const char *token_check(const char *token, size_t length);

/* What is stored of a token: fast and unsalted, because a made token is not guessable. */
void token_hash(const char *token, size_t length, char out[TOKEN_HASH_SIZE]);

#endif
