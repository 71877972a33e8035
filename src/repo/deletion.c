/* The plans of deletions, and the steps through them. */
#include "repo/deletion.h"

#include <stddef.h>

enum { PARTS_MAX = 2 };

/* Rows of a part. Both take about 5 ms; a changed row is written anew, with an entry in each index. */
enum { DELETED_ROWS = 1000, CHANGED_ROWS = 400 };

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
     .parts = {{STATEMENT_chat_delete_by_user, DELETED_ROWS}, {STATEMENT_session_delete_all, DELETED_ROWS}}},
    {.record = STATEMENT_subject_delete,
     .check = STATEMENT_subject_delete_check,
     .whole = STATEMENT_subject_delete_whole,
     .owner = FIELD_subject_id,
     .parts = {{STATEMENT_chat_leave_subject, CHANGED_ROWS}, {STATEMENT_book_delete_by_subject, DELETED_ROWS}}},
    {.record = STATEMENT_book_delete},
    {.parts = {{STATEMENT_chat_delete_old, DELETED_ROWS}}},
    {.parts = {{STATEMENT_session_delete_all, DELETED_ROWS}}},
    {.parts = {{STATEMENT_session_delete_expired, DELETED_ROWS}}},
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

/* Parts go up from the first row, so that each begins where the one before ended and never passes what is dead. */
static enum deletion_step part_begin(struct deletion *deletion, int part, struct values *values)
{
  const struct deletion_part *row = &deletion->plan->parts[part];
  deletion->part = part;
  deletion->statement = row->statement;
  value_set_integer(&values->of[FIELD_cursor_time], INT64_MIN);
  value_set_integer(&values->of[FIELD_cursor_id], INT64_MIN);
  value_set_integer(&values->of[FIELD_limit], row->rows);
  if (deletion->plan->owner != FIELD_none)
    values->of[deletion->plan->owner] = values->of[FIELD_id];
  return DELETION_GOES_ON;
}

void deletion_begin(struct deletion *deletion, enum statement statement, struct values *values)
{
  *deletion = (struct deletion){.plan = plan_find(statement), .statement = statement, .deleted_before = -1};
  if (deletion->plan->record == STATEMENT_none)
    (void)part_begin(deletion, 0, values);
}

/* When parts have taken nothing, because rules of the database keep the rows, only the whole is left to try. */
static enum deletion_step check_take(struct deletion *deletion, const struct values *row, struct values *values)
{
  if (row == NULL)
    return deletion->was_there ? DELETION_DONE : DELETION_ABSENT; /* done by another meanwhile */
  if (deletion->was_kept)
    return DELETION_KEPT;
  deletion->was_there = true;
  if (row->of[FIELD_referrer].state == VALUE_SET)
    return DELETION_REFERENCED;
  if (row->of[FIELD_by_parts].integer != 0 && deletion->deleted > deletion->deleted_before) {
    deletion->deleted_before = deletion->deleted;
    return part_begin(deletion, 0, values);
  }
  deletion->statement = deletion->plan->whole;
  return DELETION_GOES_ON;
}

/* A part that is not full tells no place to go on from. */
static enum deletion_step part_take(struct deletion *deletion, const struct values *row, struct values *values)
{
  const struct deletion_plan *plan = deletion->plan;
  const struct value *time = row != NULL ? &row->of[FIELD_cursor_time] : NULL;
  const struct value *id = row != NULL ? &row->of[FIELD_cursor_id] : NULL;
  const int64_t count = row != NULL ? row->of[FIELD_count].integer : 0;
  deletion->deleted += count;
  if (count > 0 && (time->state == VALUE_SET || id->state == VALUE_SET)) {
    values->of[FIELD_cursor_time] = *time;
    values->of[FIELD_cursor_id] = *id;
    return DELETION_GOES_ON;
  }
  if (plan->parts[deletion->part + 1].statement != STATEMENT_none)
    return part_begin(deletion, deletion->part + 1, values);
  deletion->statement = plan->record;
  return plan->record != STATEMENT_none ? DELETION_GOES_ON : DELETION_DONE;
}

enum deletion_step deletion_take(struct deletion *deletion, const struct values *row, struct values *values)
{
  const struct deletion_plan *plan = deletion->plan;
  const enum statement statement = deletion->statement;
  if (plan->record == STATEMENT_none)
    return part_take(deletion, row, values);
  if (statement == plan->check)
    return check_take(deletion, row, values);
  if (statement != plan->record && statement != plan->whole)
    return part_take(deletion, row, values);
  if (row != NULL)
    return DELETION_DONE;
  if (plan->check == STATEMENT_none)
    return DELETION_ABSENT;
  deletion->was_kept = statement == plan->whole;
  deletion->statement = plan->check;
  return DELETION_GOES_ON;
}
