/* Carries out for one ward what remedy.c decides. */
#include "supervise/ward.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "health/supervision.h"
#include "log/log.h"
#include "supervise/force.h"

enum { SENTENCE_MAX = 512 };

/* How long a log line may be for the command's words. */
enum { OUTPUT_MAX = ERRAND_TAIL + 64 };

static const char *const ills[BOARD_WARDS] = {
    [BOARD_WARD_LONTARD] = "does not move", [BOARD_WARD_DATABASE] = "is away"};

static const char *command_of(const struct ward *ward, const struct config *config)
{
  return ward->index == BOARD_WARD_LONTARD ? config->supervise_lontard_command : config->supervise_database_command;
}

void ward_init(struct ward *ward, enum board_ward_index index, struct board_ward *state)
{
  *ward = (struct ward){.index = index, .state = state, .restart.output = -1, .call.output = -1};
}

static void log_change(const struct ward *ward, uint64_t before)
{
  const char *name = supervision_name(ward->index);
  if (ward->state->condition == BOARD_CONDITION_ILL)
    log_line(LOG_LEVEL_WARNING, "%s %s", name, ills[ward->index]);
  else if (ward->state->condition == BOARD_CONDITION_WELL && before == BOARD_CONDITION_ILL)
    log_line(LOG_LEVEL_INFO, "%s is well again", name);
}

enum remedy ward_look(struct ward *ward, const struct config *config, enum board_condition condition, int64_t now)
{
  const uint64_t before = ward->state->condition;
  const struct remedy_limits limits = {
      .grace = config->supervise_grace,
      .attempts = command_of(ward, config)[0] == '\0' ? 0 : config->supervise_attempts,
      .interval = config->supervise_interval,
      .reset = config->supervise_reset,
  };
  const enum remedy remedy = remedy_look(ward->state, &limits, condition, now);
  if (ward->state->condition != before)
    log_change(ward, before);
  return remedy;
}

static bool run(struct ward *ward, struct errand *errand, struct errand_order order, int64_t now, int64_t limit)
{
  CLEANUP(buffer_free) struct buffer sentence;
  buffer_init(&sentence, SENTENCE_MAX);
  supervision_ward_sentence(ward->state, ward->index, now, &sentence);
  buffer_append(&sentence, "", 1);
  order.about = supervision_word(ward->index);
  order.message = sentence.failed ? "" : sentence.data;
  return errand_start(errand, &order, now, limit);
}

/* After one that hung: the operator's own harder one, or what did not heed it is killed first. */
static struct errand_order harder_order(const struct ward *ward, const struct config *config)
{
  if (ward->index == BOARD_WARD_LONTARD)
    return (struct errand_order){
        .command = command_of(ward, config), .first = force_lontard, .argument = config->run_dir};
  if (config->supervise_database_force_command[0] != '\0')
    return (struct errand_order){.command = config->supervise_database_force_command};
  return (struct errand_order){
      .command = command_of(ward, config), .first = force_database, .argument = config->database_url};
}

static void restart(struct ward *ward, const struct config *config, bool by_force, int64_t now)
{
  log_line(LOG_LEVEL_WARNING, "%s %s for %" PRId64 " seconds now: restarting it%s, attempt %" PRIu64 " of %" PRId64,
           supervision_name(ward->index), ills[ward->index], (now - (int64_t)ward->state->since) / CLOCK_SECOND,
           by_force ? " by force" : "", ward->state->attempts, config->supervise_attempts);
  const struct errand_order order =
      by_force ? harder_order(ward, config) : (struct errand_order){.command = command_of(ward, config)};
  if (run(ward, &ward->restart, order, now, config->supervise_command_timeout))
    return;
  log_line(LOG_LEVEL_ERROR, "the command cannot be started: %s", strerror(errno));
  remedy_ended(ward->state, BOARD_RESTART_FAILED, now);
}

/* That a person is called must not be missed because there was no process left to be had at this moment. */
static void call(struct ward *ward, const struct config *config, int64_t now)
{
  const bool again = ward->call_due;
  const struct errand_order order = {.command = config->supervise_escalation_command};
  ward->call_due = !run(ward, &ward->call, order, now, config->supervise_command_timeout);
  if (ward->call_due && !again)
    log_line(LOG_LEVEL_ERROR, "supervise_escalation_command cannot be started: %s; trying again at each look",
             strerror(errno));
}

static void call_again(struct ward *ward, const struct config *config, int64_t now)
{
  ward->call_due = ward->call_due && ward->state->escalated != 0 && config->supervise_escalation_command[0] != '\0';
  if (ward->call_due && ward->call.pid == 0)
    call(ward, config, now);
}

static void escalate(struct ward *ward, const struct config *config, int64_t now)
{
  CLEANUP(buffer_free) struct buffer sentence;
  buffer_init(&sentence, SENTENCE_MAX);
  supervision_ward_sentence(ward->state, ward->index, now, &sentence);
  log_line(LOG_LEVEL_ERROR, "ESCALATED: %s %s. %.*s", supervision_name(ward->index), ills[ward->index],
           (int)sentence.length, sentence.length > 0 ? sentence.data : "");
  if (config->supervise_escalation_command[0] == '\0')
    return;
  ward->call_due = ward->call.pid != 0;
  if (ward->call_due)
    log_line(LOG_LEVEL_ERROR,
             "supervise_escalation_command still runs from the last time, and is run again after that");
  else
    call(ward, config, now);
}

void ward_act(struct ward *ward, const struct config *config, enum remedy remedy, int64_t now)
{
  switch (remedy) {
  case REMEDY_RESTART:
  case REMEDY_FORCE:
    restart(ward, config, remedy == REMEDY_FORCE, now);
    break;
  case REMEDY_ESCALATE:
    escalate(ward, config, now);
    break;
  case REMEDY_FORGET:
    log_line(LOG_LEVEL_INFO, "%s has been well for long; its restarts are counted from zero",
             supervision_name(ward->index));
    break;
  case REMEDY_NONE:
    call_again(ward, config, now);
    break;
  }
}

static bool check(struct ward *ward, struct errand *errand, const char *what, int64_t now, int *ret_status)
{
  char output[OUTPUT_MAX];
  errand_read(errand);
  if (!errand_check(errand, now, ret_status))
    return false;
  const bool good = WIFEXITED(*ret_status) && WEXITSTATUS(*ret_status) == 0;
  log_line(good ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "%s %s: %s %d after %" PRId64 " ms%s output=%s", what,
           supervision_name(ward->index), WIFEXITED(*ret_status) ? "status" : "signal",
           WIFEXITED(*ret_status) ? WEXITSTATUS(*ret_status) : WTERMSIG(*ret_status),
           (now - errand->began) / CLOCK_MILLISECOND, errand->overdue ? " (its time was over)" : "",
           log_quote(output, sizeof output, errand->tail, errand->length));
  return true;
}

bool ward_check(struct ward *ward, int64_t now)
{
  int status = 0;
  const bool called = check(ward, &ward->call, "the call about", now, &status);
  if (!check(ward, &ward->restart, "the restart of", now, &status))
    return called;
  remedy_ended(ward->state,
               ward->restart.overdue ? BOARD_RESTART_OVERDUE
               : status == 0         ? BOARD_RESTART_DONE
                                     : BOARD_RESTART_FAILED,
               now);
  return true;
}

void ward_reset(struct ward *ward)
{
  const uint64_t restart = ward->restart.pid != 0 ? BOARD_RESTART_RUNNING : BOARD_RESTART_NONE;
  *ward->state = (struct board_ward){.restart = restart};
}
