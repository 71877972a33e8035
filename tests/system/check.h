/* Assertions that say what they got and what they wanted. A failed one is told to CUnit and printed with its label. */
#ifndef SYSTEM_CHECK_H
#define SYSTEM_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct answer;

/* Ends the program when the ground under the tests is missing; `need` says in words which. */
void need(bool condition, const char *message);
const char *need_environment(const char *name);

__attribute__((format(printf, 4, 5))) bool check_at(const char *file, int line, bool good, const char *format, ...);

/* CHECK(condition, format, ...): true when it held. */
#define CHECK(condition, ...) check_at(__FILE__, __LINE__, (condition), __VA_ARGS__)

/* Each names the case in `label`. */
bool check_status(const char *label, const struct answer *answer, long status);
bool check_text(const char *label, const char *got, const char *want);
bool check_number(const char *label, long long got, long long want);

/* A problem document: content type, status in line and body, code, and one request id in header and body. */
bool check_problem(const char *label, const struct answer *answer, long status, const char *code);

/* The same, and its errors name the field. */
bool check_field(const char *label, const struct answer *answer, long status, const char *code, const char *field);

/* Exactly these members, separated by blanks; none more. `object` is a json_object. */
struct json_object;
bool check_members(const char *label, struct json_object *object, const char *names);

/* RFC 3339 in UTC, ending in Z. */
bool check_time(const char *label, struct json_object *object, const char *name);

/* The expected members of each record (section "Shapes" of the interface). */
#define MEMBERS_USER "id username role full_name created_at updated_at"
#define MEMBERS_SESSION "id user_id expires_at created_at"
#define MEMBERS_SESSION_MADE "id user_id token expires_at created_at"
#define MEMBERS_CHAT "id user_id subject_id question response confidence created_at"
#define MEMBERS_SUBJECT "id grade name code created_at"
#define MEMBERS_BOOK "id subject_id title filename vkp_version chunk_count created_at"

/* 201, the record, and a Location that gives the same record to the token. */
bool check_created(const char *label, const struct answer *answer, const char *members, const char *location_base);

#endif
