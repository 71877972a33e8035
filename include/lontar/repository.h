/*
 * The repositories: what is done with users, sessions, chats, subjects and books.
 *
 * Every operation takes a json-c object whose members are named in its comment, those in brackets optional, and does
 * what the HTTP interface does, by the same code. LONTAR_INVALID, with each wrong member's name in the message, is for
 * what is missing, unknown or breaks a rule; LONTAR_MALFORMED for a cursor that is none; LONTAR_NOT_FOUND for a record
 * that is not there, also the user or subject whose list or count is asked for. The answer, `*ret`, is a
 * record, a list {"items": […], "next": cursor or null} or {"count": n}; the caller ends it with json_object_put, and
 * passes NULL for `ret` where it does not want it. Times are RFC 3339 in UTC. Lists take [limit (50), offset, after,
 * before]: `next` given back as `after` leads to the following page, and after a page that was asked for with `before`
 * given back as `before` to the one that precedes it. A page of long chats ends before its limit, at 8 MB: the list's
 * end is where `next` is null. A read that dies with its connection is sent once more; a write never is. What very much
 * belongs to is deleted in parts: where a later one fails, the answer is {"count": n, "more": true} and the next call
 * goes on; with NULL for `ret` it is that failure, which tells in its message how many records went. Threads, blocking
 * and failures are as in database.h.
 */
#ifndef LONTAR_REPOSITORY_H
#define LONTAR_REPOSITORY_H

#include <lontar/database.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LONTAR_OPERATION(name)                                                                                         \
  LONTAR_EXPORT enum lontar_error lontar_repository_##name(struct lontar_database *database,                           \
                                                           struct json_object *input, struct json_object **ret,        \
                                                           struct lontar_failure *failure)

/* Any operation by its name: that of its function below, without lontar_repository_, or one that has none: "login"
 * (username, password; {"token", "expires_at", "user"}) and "logout" (token, [all: every session of its user]; a
 * count). LONTAR_MISUSE for a name that is none. */
LONTAR_EXPORT enum lontar_error lontar_call(struct lontar_database *database, const char *operation,
                                            struct json_object *input, struct json_object **ret,
                                            struct lontar_failure *failure);

/* Users: id, username, role, full_name, created_at, updated_at; never a password or its hash. */
LONTAR_OPERATION(user_create);          /* username, password, role, [full_name] */
LONTAR_OPERATION(user_get);             /* id */
LONTAR_OPERATION(user_get_by_username); /* username */
LONTAR_OPERATION(user_list);            /* [role, q] */
LONTAR_OPERATION(user_update);          /* id, [username, password, role, full_name]; a new password ends sessions */
LONTAR_OPERATION(user_delete);          /* id; sessions and chats of the user go too */
LONTAR_OPERATION(user_verify);          /* username, password; the user, or LONTAR_BAD_CREDENTIALS */

/* Sessions: id, user_id, expires_at, created_at. Only the hash of a token is stored. */
LONTAR_OPERATION(session_create);         /* user_id, [token, expires_hours]; the record has its `token` too */
LONTAR_OPERATION(session_get);            /* token; user_id, username, role, full_name, created_at, expires_at */
LONTAR_OPERATION(session_list);           /* user_id */
LONTAR_OPERATION(session_delete);         /* token; a count */
LONTAR_OPERATION(session_delete_all);     /* user_id; a count */
LONTAR_OPERATION(session_delete_expired); /* nothing; a count */

/* Chats: id, user_id, subject_id, question, response, confidence, created_at; newest first. */
LONTAR_OPERATION(chat_create);           /* user_id, question, response, [subject_id, confidence] */
LONTAR_OPERATION(chat_list_by_user);     /* user_id */
LONTAR_OPERATION(chat_count_by_user);    /* user_id */
LONTAR_OPERATION(chat_list_by_subject);  /* subject_id */
LONTAR_OPERATION(chat_count_by_subject); /* subject_id */
LONTAR_OPERATION(chat_list_recent);      /* nothing */
LONTAR_OPERATION(chat_delete_old);       /* older_than_days; a count */

/* Subjects: id, grade, name, code, created_at. */
LONTAR_OPERATION(subject_create); /* grade, name, code */
LONTAR_OPERATION(subject_get);    /* id */
LONTAR_OPERATION(subject_list);   /* [grade, code] */
LONTAR_OPERATION(subject_update); /* id, [grade, name, code] */
LONTAR_OPERATION(subject_delete); /* id; books of the subject go too */

/* Books: id, subject_id, title, filename, vkp_version, chunk_count, created_at. */
LONTAR_OPERATION(book_create); /* subject_id, title, [filename, vkp_version, chunk_count] */
LONTAR_OPERATION(book_get);    /* id */
LONTAR_OPERATION(book_list);   /* [subject_id, vkp_version] */
LONTAR_OPERATION(book_update); /* id, [subject_id, title, filename, vkp_version, chunk_count] */
LONTAR_OPERATION(book_delete); /* id */

#ifdef __cplusplus
}
#endif

#endif
