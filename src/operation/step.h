/* Inside: what the steps of plain.c, credentials.c and deletion.c are made of. */
#ifndef OPERATION_STEP_H
#define OPERATION_STEP_H

#include "operation/operation.h"

/* Wants the rows of a statement; `next` gets them. */
void step_rows(struct operation *operation, enum statement statement, operation_step *next);

/* The same for one that the answer does not depend on: when it fails `otherwise` goes on, with NULL;
 * step_end where nothing is left to do. */
void step_try(struct operation *operation, enum statement statement, operation_step *next, operation_step *otherwise);

/* Wants a hash or a verdict; `next` gets NULL. */
void step_hash(struct operation *operation, enum operation_want want, const char *stored, operation_step *next);

/* The end. `reason` is for the operator, static, and NULL for none. */
operation_step step_end;
void step_fail(struct operation *operation, enum lontar_error error, const char *reason);

/* A reason: what a write is that left the record as it was. */
#define STEP_KEPT "the record is there, but a trigger or rule of its table keeps it from being changed"

/* A write by id gave no row: it found no record, or was kept from it, since a trigger may return NULL. */
void step_absent(struct operation *operation);

/* Copies the rows as the answer's record. When that fails, the operation has ended. */
bool step_keep(struct operation *operation, const PGresult *rows);

/* A column of the first row. When it is none, or NULL, the operation has ended. */
bool step_value(struct operation *operation, const PGresult *rows, enum field field, struct value *ret_value);

/* Makes a token where none was given, and hashes it. */
void step_token(struct operation *operation);

/* Deletes by a statement and those that follow it (deletion.c). */
void step_delete(struct operation *operation, enum statement statement);

/* First steps, named in operations.def. */
operation_step step_plain;
operation_step step_deletion;
operation_step step_credentials;
operation_step step_change_user;
operation_step step_logout;

#endif
