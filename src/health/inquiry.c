/* The prober's one connection: opening, asking, listening. */
#include "health/inquiry.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "health/census.h"
#include "health/question.h"
#include "log/log.h"
#include "repo/presets.h"

enum { QUESTION_SIZE_MAX = 8192 };

/* What the server has been asked and not answered, one after the other. */
enum asked { ASKED_NOTHING, ASKED_QUESTION, ASKED_CENSUS, ASKED_ORDER };

struct inquiry {
  struct inquiry_settings settings;
  struct event *event;
  struct dial *dial; /* kept after a failure, for its message */
  PGconn *libpq;     /* NULL until it is open */
  bool is_set_up;
  enum question question; /* the whole, or what the server answers of it */
  enum asked asked;
  bool due;       /* it is to be asked again once the census is over */
  bool unflushed; /* libpq has bytes that the socket did not take */
  bool failed;
  bool refused;
  const char *reason;
  int server;
  int64_t asked_at;         /* the last question */
  struct sighting sighting; /* and its answer */
  char name[CENSUS_NAME_SIZE];
};

static const char TAKES_NO_WRITES[] = "the server takes no writes";
static const char NO_SCHEMA[] = "the schema is missing or older than this lontard: run lontarctl migrate";
static const char NO_USE[] = "lontard's role may not use the schema public: run lontarctl migrate --grant with it";
static const char OLDER[] = "the server that takes writes is older than the one before, or holds another database";
static const char NO_ANSWER[] = "the server does not answer";
static const char ENDED[] = "the server ended the connection";
static const char NO_AGREEMENT[] = "lontard and the server do not agree on how to connect";
static const char AWAY[] = "PostgreSQL cannot be reached";

/* How a server says no: the first row whose beginning fits is taken. */
static const struct refusal {
  const char *sqlstate;
  bool lives; /* it refuses only us */
  const char *reason;
} refusals[] = {
    {"53300", true, "the server has no connection left for lontard"},
    {"57P", false, "the server is starting or stopping"},
    {"28", true, "the server does not let lontard in"},
    {"3D000", true, "the database does not exist on the server"},
    {"", true, "the server refuses the connection"},
};

/* How the way to it fails, in words of dial's message; target_session_attrs makes libpq turn servers down. */
static const struct failure {
  const char *words;
  const char *reason;
} failures[] = {
    {"read-only", TAKES_NO_WRITES},
    {"hot standby", TAKES_NO_WRITES},
    {"no answer in time", NO_ANSWER},
    {"cannot be resolved", "the server's name is not known"},
    {"does not take database_url", "database_url is none that libpq takes"},
    {"", AWAY},
};

static void fail(struct inquiry *inquiry, const char *reason)
{
  inquiry->failed = true;
  inquiry->reason = reason;
  (void)event_del(inquiry->event);
}

static void fail_to_open(struct inquiry *inquiry)
{
  const char *sqlstate = dial_sqlstate(inquiry->dial);
  const struct failure *failure = failures;
  const struct refusal *refusal = refusals;
  while (strstr(dial_message(inquiry->dial), failure->words) == NULL)
    failure++;
  while (strncmp(sqlstate, refusal->sqlstate, strlen(refusal->sqlstate)) != 0)
    refusal++;
  const bool spoke = *sqlstate != '\0' && failure->reason != TAKES_NO_WRITES;
  const bool ours = dial_was_ours(inquiry->dial) && *sqlstate == '\0' && failure->reason != TAKES_NO_WRITES;
  inquiry->refused = ours || (spoke && refusal->lives);
  if (spoke)
    fail(inquiry, refusal->reason);
  else
    fail(inquiry, ours && failure->reason == AWAY ? NO_AGREEMENT : failure->reason);
}

static void fail_open(struct inquiry *inquiry)
{
  fail(inquiry, ENDED);
}

static void flush(struct inquiry *inquiry)
{
  const int left = PQflush(inquiry->libpq);
  inquiry->unflushed = left == 1;
  if (left < 0)
    fail_open(inquiry);
}

/* The first time, the session is set up with the same statement. */
static bool send_question(struct inquiry *inquiry)
{
  const struct preset_limits limits = {0};
  CLEANUP(buffer_free) struct buffer sql;
  buffer_init(&sql, QUESTION_SIZE_MAX);
  buffer_append_format(&sql, "SELECT %s", question_columns[inquiry->question]);
  if (!inquiry->is_set_up && !inquiry->settings.pooled) {
    buffer_append_text(&sql, ", ");
    presets_write(&sql, PQserverVersion(inquiry->libpq), &limits);
  }
  buffer_append(&sql, "", 1);
  inquiry->is_set_up = true;
  return !sql.failed && PQsendQuery(inquiry->libpq, sql.data) == 1;
}

static void ask(struct inquiry *inquiry)
{
  inquiry->asked = ASKED_QUESTION;
  inquiry->asked_at = clock_steady();
  if (PQsetnonblocking(inquiry->libpq, 1) != 0 || !send_question(inquiry))
    fail_open(inquiry);
  else
    flush(inquiry);
}

static void send_next(struct inquiry *inquiry, enum asked asked, const char *sql)
{
  inquiry->asked = asked;
  if (PQsendQuery(inquiry->libpq, sql) != 1)
    fail_open(inquiry);
  else
    flush(inquiry);
}

/* Behind a pooler nothing of ours is at the server. */
static void begin_census(struct inquiry *inquiry)
{
  const struct inquiry_settings *settings = &inquiry->settings;
  if (settings->watches) {
    inquiry->asked = ASKED_NOTHING;
    return;
  }
  census_begin(settings->census, settings->board);
  if (!settings->pooled) {
    send_next(inquiry, ASKED_CENSUS, CENSUS_QUESTION);
    return;
  }
  inquiry->asked = ASKED_NOTHING;
  board_prober_census(board_prober(settings->board), settings->census->asked, 0, 0);
}

/* Told once for each time that it begins. */
static void tell_blindness(const PGresult *result)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  log_line(LOG_LEVEL_WARNING,
           "our sessions at the server cannot be counted, so that those left behind may be too many: SQLSTATE=%s",
           sqlstate != NULL ? sqlstate : "none");
}

static void take_census(const struct inquiry *inquiry, const PGresult *result)
{
  const struct inquiry_settings *settings = &inquiry->settings;
  struct census *census = settings->census;
  const bool was_blind = census->blind;
  if (!census_take(census, settings->board, result) && !was_blind)
    tell_blindness(result);
  board_prober_census(board_prober(settings->board), census->asked, census->left, census->standby);
}

static void give_orders(struct inquiry *inquiry)
{
  CLEANUP(buffer_free) struct buffer sql;
  buffer_init(&sql, QUESTION_SIZE_MAX);
  inquiry->asked = ASKED_NOTHING;
  if (inquiry->settings.census->victim_count == 0)
    return;
  census_order(inquiry->settings.census, &sql);
  buffer_append(&sql, "", 1);
  if (!sql.failed)
    send_next(inquiry, ASKED_ORDER, sql.data);
}

static void step_opening(struct inquiry *inquiry)
{
  const enum dial_state state = dial_step(inquiry->dial);
  if (state == DIAL_FAILED)
    fail_to_open(inquiry);
  if (state != DIAL_DONE)
    return;
  inquiry->server = dial_server(inquiry->dial);
  inquiry->libpq = dial_take(inquiry->dial);
  ask(inquiry);
}

/* It was refused, and so was the setting up of the session that came with it. */
static void ask_plainly(struct inquiry *inquiry, const PGresult *result)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  log_line(LOG_LEVEL_WARNING, "two primaries cannot be told apart: the server does not say its timeline: SQLSTATE=%s",
           sqlstate);
  inquiry->question = QUESTION_PLAIN;
  inquiry->due = true;
  inquiry->is_set_up = false;
}

static void judge(struct inquiry *inquiry, const PGresult *result)
{
  if (inquiry->question != QUESTION_PLAIN && question_is_barred(result))
    ask_plainly(inquiry, result);
  else if (!question_read(result, inquiry->question, &inquiry->sighting))
    fail_open(inquiry);
  else if (inquiry->settings.watches)
    return;
  else if (!inquiry->sighting.takes_writes)
    fail(inquiry, TAKES_NO_WRITES);
  else if (inquiry->sighting.lacks == QUESTION_LACKS_SCHEMA)
    fail(inquiry, NO_SCHEMA);
  else if (inquiry->sighting.lacks == QUESTION_LACKS_USE)
    fail(inquiry, NO_USE);
}

static void take(struct inquiry *inquiry, const PGresult *result)
{
  if (inquiry->asked == ASKED_QUESTION)
    judge(inquiry, result);
  else if (inquiry->asked == ASKED_CENSUS)
    take_census(inquiry, result);
}

static void ask_if_due(struct inquiry *inquiry)
{
  if (!inquiry->due || inquiry->asked != ASKED_NOTHING)
    return;
  inquiry->due = false;
  ask(inquiry);
}

static void go_on(struct inquiry *inquiry)
{
  if (inquiry->asked == ASKED_QUESTION)
    begin_census(inquiry);
  else if (inquiry->asked == ASKED_CENSUS)
    give_orders(inquiry);
  else
    inquiry->asked = ASKED_NOTHING;
  ask_if_due(inquiry);
}

static void receive(struct inquiry *inquiry)
{
  while (!inquiry->failed && inquiry->asked != ASKED_NOTHING && PQisBusy(inquiry->libpq) == 0) {
    PGresult *result = PQgetResult(inquiry->libpq);
    if (result == NULL)
      go_on(inquiry);
    else
      take(inquiry, result);
    PQclear(result);
  }
}

static void step_open(struct inquiry *inquiry)
{
  if (PQconsumeInput(inquiry->libpq) != 1 || PQstatus(inquiry->libpq) == CONNECTION_BAD) {
    fail_open(inquiry);
    return;
  }
  if (inquiry->unflushed)
    flush(inquiry);
  receive(inquiry);
}

static void on_ready(evutil_socket_t fd, short what, void *argument);

/* Added anew each time: while it connects, libpq may swap the socket for another of the same number. */
static void watch(struct inquiry *inquiry)
{
  const int fd = inquiry->libpq != NULL ? PQsocket(inquiry->libpq) : dial_fd(inquiry->dial);
  const bool writes = inquiry->libpq != NULL ? inquiry->unflushed : dial_wants(inquiry->dial) == PGRES_POLLING_WRITING;
  const bool reads = inquiry->libpq != NULL || !writes;
  (void)event_del(inquiry->event);
  if (inquiry->failed || fd < 0)
    return;
  (void)event_assign(inquiry->event, inquiry->settings.base, fd,
                     (short)(EV_PERSIST | (reads ? EV_READ : 0) | (writes ? EV_WRITE : 0)), on_ready, inquiry);
  (void)event_add(inquiry->event, NULL);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
  struct inquiry *inquiry = argument;
  (void)fd;
  (void)what;
  if (inquiry->libpq == NULL)
    step_opening(inquiry);
  else
    step_open(inquiry);
  watch(inquiry);
  inquiry->settings.changed(inquiry->settings.owner);
}

static void on_dial_moved(void *argument)
{
  struct inquiry *inquiry = argument;
  if (dial_state(inquiry->dial) == DIAL_FAILED)
    fail_to_open(inquiry);
  watch(inquiry);
  inquiry->settings.changed(inquiry->settings.owner);
}

static void free_pointer(struct inquiry **inquiry)
{
  inquiry_free(*inquiry);
}

struct inquiry *inquiry_open(const struct inquiry_settings *settings)
{
  CLEANUP(free_pointer) struct inquiry *inquiry = calloc(1, sizeof *inquiry);
  if (inquiry == NULL)
    return NULL;
  const struct dial_settings dial = {
      .application_name = inquiry->name,
      .timeout = settings->timeout,
      .patient = !settings->watches,
      .moved = on_dial_moved,
      .owner = inquiry,
  };
  inquiry->settings = *settings;
  inquiry->question = settings->watches ? QUESTION_IDENTITY : QUESTION_WHOLE;
  census_name(inquiry->name, "prober", settings->census->installation);
  inquiry->reason = NO_ANSWER;
  inquiry->event = event_new(settings->base, -1, 0, on_ready, inquiry);
  if (inquiry->event == NULL)
    return NULL;
  inquiry->dial = dial_new(settings->dialer, &dial);
  if (inquiry->dial == NULL)
    return NULL;
  if (dial_state(inquiry->dial) == DIAL_FAILED)
    fail_to_open(inquiry);
  watch(inquiry);
  return TAKE(inquiry);
}

void inquiry_free(struct inquiry *inquiry)
{
  if (inquiry == NULL)
    return;
  if (inquiry->event != NULL)
    event_free(inquiry->event);
  dial_free(inquiry->dial);
  PQfinish(inquiry->libpq);
  free(inquiry);
}

void inquiry_ask(struct inquiry *inquiry)
{
  inquiry->due = true;
  ask_if_due(inquiry);
  watch(inquiry);
}

enum inquiry_state inquiry_state(const struct inquiry *inquiry)
{
  if (inquiry->failed)
    return INQUIRY_FAILED;
  return inquiry->asked == ASKED_QUESTION || inquiry->due || inquiry->libpq == NULL ? INQUIRY_PENDING
                                                                                    : INQUIRY_ANSWERED;
}

const struct sighting *inquiry_sighting(const struct inquiry *inquiry)
{
  return &inquiry->sighting;
}

int inquiry_server(const struct inquiry *inquiry)
{
  return inquiry->server;
}

void inquiry_reject(struct inquiry *inquiry)
{
  fail(inquiry, OLDER);
}

const char *inquiry_encoding(const struct inquiry *inquiry)
{
  const char *encoding = PQparameterStatus(inquiry->libpq, "server_encoding");
  return encoding != NULL && strcmp(encoding, "UTF8") != 0 ? encoding : "";
}

int64_t inquiry_found_well(const struct inquiry *inquiry)
{
  return inquiry->question == QUESTION_WHOLE && inquiry->sighting.lacks == QUESTION_LACKS_NOTHING ? inquiry->asked_at
                                                                                                  : 0;
}

static const char *or_empty(const char *text)
{
  return text != NULL ? text : "";
}

void inquiry_name(const struct inquiry *inquiry, const char **ret_host, const char **ret_port)
{
  *ret_host = or_empty(PQhost(inquiry->libpq));
  *ret_port = or_empty(PQport(inquiry->libpq));
}

struct inquiry_failure inquiry_failure(const struct inquiry *inquiry)
{
  const char *reason = inquiry->reason;
  const bool unfit = reason == NO_SCHEMA || reason == NO_USE;
  return (struct inquiry_failure){
      .reason = reason,
      .detail = dial_message(inquiry->dial),
      .silent = reason == NO_ANSWER,
      .refused = inquiry->refused,
      .spoke = dial_was_ours(inquiry->dial) || reason == TAKES_NO_WRITES || reason == OLDER || unfit,
      .unfit = unfit,
      .ended = reason == ENDED,
  };
}

bool inquiry_may_wait(const struct inquiry *inquiry)
{
  return inquiry_state(inquiry) == INQUIRY_PENDING && dial_may_wait(inquiry->dial);
}
