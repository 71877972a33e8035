/*
 * Deletions that may be too much for one statement: which statement follows which.
 *
 * A record with little that belongs to it goes in one statement. Else the database is asked first whether it may go at
 * all; then what belongs to it goes in parts, each short enough to hold nobody up, and the record at last. Whoever
 * stops between two parts leaves a record that has less, and may begin again.
 */
#include <stddef.h>
#include <stdio.h>

#include "json/rows.h"
#include "operation/step.h"

enum { PARTS_MAX = 2 };

struct deletion_part {
  enum statement statement;
  int64_t rows;
};

struct deletion_plan {
  enum statement record; /* deletes the record, if little belongs to it */
  enum statement check;  /* whether it may go, in parts or only as a whole */
  enum statement whole;  /* deletes it whatever belongs to it */
  enum field owner;      /* what the parts call the record's id */
  struct deletion_part parts[PARTS_MAX + 1];
};

static const struct deletion_plan plans[] = {
    {.record = STATEMENT_user_delete,
     .check = STATEMENT_user_delete_check,
     .whole = STATEMENT_user_delete_whole,
     .owner = FIELD_user_id,
     .parts = {{STATEMENT_chat_delete_by_user, PART_DELETED}, {STATEMENT_session_delete_all, PART_DELETED}}},
    {.record = STATEMENT_subject_delete,
     .check = STATEMENT_subject_delete_check,
     .whole = STATEMENT_subject_delete_whole,
     .owner = FIELD_subject_id,
     .parts = {{STATEMENT_chat_leave_subject, PART_CHANGED}, {STATEMENT_book_delete_by_subject, PART_DELETED}}},
    {.record = STATEMENT_book_delete},
    {.parts = {{STATEMENT_chat_delete_old, PART_DELETED}}},
    {.parts = {{STATEMENT_session_delete_all, PART_DELETED}}},
    {.parts = {{STATEMENT_session_delete_expired, PART_DELETED}}},
    {.parts = {{STATEMENT_session_delete, 1}}},
};

static const struct deletion_plan *plan_find(enum statement statement)
{
  size_t i = 0;
  while (plans[i].record != statement &&
         (plans[i].record != STATEMENT_none || plans[i].parts[0].statement != statement))
    i++;
  return &plans[i];
}

static void begin_part(struct operation *operation, int part);
static operation_step record_told;

/* When parts have taken nothing, because rules of the database keep the rows, only the whole is left to try. */
static void check_told(struct operation *operation, const PGresult *rows)
{
  struct deletion *deletion = &operation->deletion;
  struct values row = {0};
  if (PQntuples(rows) == 0) { /* done by another meanwhile? */
    if (!deletion->was_there)
      step_fail(operation, LONTAR_NOT_FOUND, NULL);
    return;
  }
  if (!rows_values(rows, 0, operation->statement, &row)) {
    step_fail(operation, LONTAR_INTERNAL, OPERATION_UNREADABLE);
    return;
  }
  deletion->was_there = true;
  if (deletion->was_kept) {
    step_fail(operation, LONTAR_INTERNAL, STEP_KEPT);
  } else if (row.of[FIELD_referrer].state == VALUE_SET) {
    step_fail(operation, LONTAR_REFERENCED, NULL);
    (void)snprintf(operation->detail, sizeof operation->detail, "It is still referred to by the table %.*s",
                   (int)row.of[FIELD_referrer].length, row.of[FIELD_referrer].text);
  } else if (row.of[FIELD_by_parts].integer != 0 && operation->number > deletion->before) {
    deletion->before = operation->number;
    begin_part(operation, 0);
  } else {
    step_rows(operation, deletion->plan->whole, record_told);
  }
}

static void record_told(struct operation *operation, const PGresult *rows)
{
  struct deletion *deletion = &operation->deletion;
  if (PQntuples(rows) > 0)
    return;
  deletion->was_kept = operation->statement == deletion->plan->whole;
  if (deletion->plan->check != STATEMENT_none)
    step_rows(operation, deletion->plan->check, check_told);
  else
    step_absent(operation);
}

/* A part that is not full tells no place to go on from. Others' work comes in between two; when the time is over, the
 * caller asks again. */
static void part_told(struct operation *operation, const PGresult *rows)
{
  struct deletion *deletion = &operation->deletion;
  const struct deletion_plan *plan = deletion->plan;
  struct values *values = &operation->values;
  struct values row = {0};
  if (PQntuples(rows) > 0 && !rows_values(rows, 0, operation->statement, &row)) {
    step_fail(operation, LONTAR_INTERNAL, OPERATION_UNREADABLE);
    return;
  }
  const int64_t count = row.of[FIELD_count].integer;
  const bool is_full = row.of[FIELD_cursor_time].state == VALUE_SET || row.of[FIELD_cursor_id].state == VALUE_SET;
  const bool again = count > 0 && is_full;
  const bool next = plan->parts[deletion->part + 1].statement != STATEMENT_none;
  operation->number += count;
  if (!again && !next && plan->record == STATEMENT_none)
    return;
  if (operation->number > 0 && operation->now >= operation->until) {
    operation->more = true;
  } else if (again) {
    values->of[FIELD_cursor_time] = row.of[FIELD_cursor_time];
    values->of[FIELD_cursor_id] = row.of[FIELD_cursor_id];
    step_rows(operation, operation->statement, part_told);
  } else if (next) {
    begin_part(operation, deletion->part + 1);
  } else {
    step_rows(operation, plan->record, record_told);
  }
}

/* Parts go up from the first row, so that each begins where the one before ended and never passes what is dead. */
static void begin_part(struct operation *operation, int part)
{
  const struct deletion_plan *plan = operation->deletion.plan;
  struct values *values = &operation->values;
  operation->deletion.part = part;
  value_set_integer(&values->of[FIELD_cursor_time], INT64_MIN);
  value_set_integer(&values->of[FIELD_cursor_id], INT64_MIN);
  value_set_integer(&values->of[FIELD_limit], plan->parts[part].rows);
  if (plan->owner != FIELD_none)
    values->of[plan->owner] = values->of[FIELD_id];
  step_rows(operation, plan->parts[part].statement, part_told);
}

void step_delete(struct operation *operation, enum statement statement)
{
  const struct deletion_plan *plan = plan_find(statement);
  operation->deletion = (struct deletion){.plan = plan, .before = -1};
  if (plan->record != STATEMENT_none)
    step_rows(operation, plan->record, record_told);
  else
    begin_part(operation, 0);
}

void step_deletion(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  step_delete(operation, operation->row->statement);
}
