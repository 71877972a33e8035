/* Tests of health: the board's file, a worker's numbers, what a snapshot means, how it is written. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/board.h"
#include "health/publish.h"
#include "health/render.h"
#include "place.h"
#include "unit.h"

static void begin_both(struct place *place, enum board_database state)
{
  for (int i = 0; i < 2; i++) {
    board_worker_begin(board_slot(place->board, i), (uint64_t)(100 + i));
    board_worker_database(board_slot(place->board, i), state);
  }
}

static void expect_sentence(struct place *place, enum health health, const char *sentence)
{
  struct buffer buffer;
  buffer_init(&buffer, 1024);
  publish_look(place->board, place->folder, &place->snapshot);
  health_sentence(&place->snapshot, &buffer);
  CU_ASSERT_EQUAL(health_state(&place->snapshot), health);
  UNIT_TEXT(buffer.data, buffer.length, sentence);
  buffer_free(&buffer);
}

static void a_reader_sees_what_a_worker_writes(void)
{
  struct place place;
  struct board *reader;
  place_make(&place);
  board_worker_begin(board_slot(place.board, 1), 4711);
  board_request_count(board_slot(place.board, 1), 503, 1500);
  CU_ASSERT_EQUAL_FATAL(board_open(place.path, false, &reader, place.message, sizeof place.message), LONTAR_OK);
  board_snapshot(reader, &place.snapshot);
  CU_ASSERT_EQUAL(place.snapshot.layout.head.workers, 2);
  CU_ASSERT_EQUAL(place.snapshot.layout.slots[0].pid, 0);
  CU_ASSERT_EQUAL(place.snapshot.layout.slots[1].pid, 4711);
  CU_ASSERT_EQUAL(place.snapshot.layout.slots[1].answers_503, 1);
  CU_ASSERT_EQUAL(place.snapshot.layout.slots[1].answers_5xx, 1);
  CU_ASSERT_EQUAL(place.snapshot.layout.slots[1].latency[11], 1);
  board_close(reader);
  place_remove(&place);
}

static void what_is_no_board_is_refused(void)
{
  struct place place;
  struct board *reader;
  place_make(&place);
  board_set(&board_head(place.board)->boot_id[0], 1);
  CU_ASSERT_EQUAL(board_open(place.path, false, &reader, place.message, sizeof place.message), LONTAR_INVALID);
  board_set(&board_head(place.board)->version, BOARD_VERSION + 1);
  CU_ASSERT_EQUAL(board_open(place.path, false, &reader, place.message, sizeof place.message), LONTAR_INVALID);
  board_set(&board_head(place.board)->magic, 0);
  CU_ASSERT_EQUAL(board_open(place.path, false, &reader, place.message, sizeof place.message), LONTAR_INVALID);
  board_close(place.board);
  place.board = NULL;
  CU_ASSERT_EQUAL(truncate(place.path, 100), 0);
  CU_ASSERT_EQUAL(board_open(place.path, false, &reader, place.message, sizeof place.message), LONTAR_INVALID);
  CU_ASSERT_EQUAL(unlink(place.path), 0);
  CU_ASSERT_EQUAL(board_open(place.path, false, &reader, place.message, sizeof place.message), LONTAR_NOT_FOUND);
  place_remove(&place);
}

static const char *harm_of(const struct place *place)
{
  const char *harm = board_harm(place->board, place->path);
  return harm == NULL ? "none" : harm;
}

static void damage_to_the_file_is_seen(void)
{
  struct place place;
  place_make(&place);
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "none");
  board_head(place.board)->magic++;
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "was written over");
  board_head(place.board)->magic--;
  board_head(place.board)->version++;
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "was written over");
  board_head(place.board)->version--;
  board_head(place.board)->master_pid++;
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "was written over");
  board_head(place.board)->master_pid--;
  CU_ASSERT_EQUAL(truncate(place.path, sizeof(struct board_layout) + 1), 0);
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "has another length");
  CU_ASSERT_EQUAL(truncate(place.path, 0), 0);
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "has another length");
  CU_ASSERT_EQUAL(unlink(place.path), 0);
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "is gone");
  FILE *other = fopen(place.path, "we");
  CU_ASSERT_PTR_NOT_NULL_FATAL(other);
  (void)fclose(other);
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "was replaced by another file");
  place_remove(&place);
}

static void a_new_board_takes_the_place_of_anything(void)
{
  struct place place;
  place_make(&place);
  board_head(place.board)->version++;
  board_close(place.board);
  CU_ASSERT_EQUAL(truncate(place.path, 100), 0);
  CU_ASSERT_EQUAL(board_create(place.path, 2, &place.board, place.message, sizeof place.message), LONTAR_OK);
  CU_ASSERT_STRING_EQUAL(harm_of(&place), "none");
  place_remove(&place);
}

static void counters_go_on_and_gauges_begin_again(void)
{
  struct place place;
  place_make(&place);
  struct board_slot *slot = board_slot(place.board, 0);
  board_worker_begin(slot, 1);
  board_request_count(slot, 200, 10);
  board_worker_pool(slot, &(struct board_pool){.open = 3, .opened = 5, .recycled = 2, .failed = 1});
  board_worker_begin(slot, 2);
  board_request_count(slot, 404, 10);
  board_worker_pool(slot, &(struct board_pool){.open = 1, .opened = 1});
  CU_ASSERT_EQUAL(slot->pid, 2);
  CU_ASSERT_EQUAL(slot->requests, 2);
  CU_ASSERT_EQUAL(slot->pool.open, 1);
  CU_ASSERT_EQUAL(slot->pool.opened, 6);
  CU_ASSERT_EQUAL(slot->pool.recycled, 2);
  CU_ASSERT_EQUAL(slot->pool.failed, 1);
  place_remove(&place);
}

static void both_turns_of_a_place_are_shown_as_one(void)
{
  struct place place;
  place_make(&place);
  struct board_slot *first = board_slot(place.board, board_turn(1, 0));
  struct board_slot *second = board_slot(place.board, board_turn(1, 1));
  board_worker_begin(first, 100);
  board_worker_state(first, BOARD_WORKER_SERVING);
  board_request_count(first, 200, 10);
  board_worker_pool(first, &(struct board_pool){.open = 5, .longest_wait = 70, .opened = 6});
  board_worker_begin(second, 200);
  board_worker_state(second, BOARD_WORKER_STARTING);
  board_request_count(second, 404, 10);
  board_worker_pool(second, &(struct board_pool){.open = 1, .longest_wait = 30, .opened = 1});
  board_snapshot(place.board, &place.snapshot);
  const struct board_slot *shown = &place.snapshot.layout.slots[1];
  CU_ASSERT_EQUAL(shown->pid, 100);
  CU_ASSERT_EQUAL(shown->requests, 2);
  CU_ASSERT_EQUAL(shown->answers_4xx, 1);
  CU_ASSERT_EQUAL(shown->pool.open, 6);
  CU_ASSERT_EQUAL(shown->pool.longest_wait, 70);
  CU_ASSERT_EQUAL(shown->pool.opened, 7);
  board_worker_state(second, BOARD_WORKER_SERVING);
  board_worker_state(first, BOARD_WORKER_RETIRING);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(shown->pid, 200);
  CU_ASSERT_EQUAL(shown->requests, 2);
  place_remove(&place);
}

static void of_one_that_is_gone_only_the_counters_stand(void)
{
  struct place place;
  place_make(&place);
  struct board_slot *slot = board_slot(place.board, board_turn(0, 1));
  const struct board_slot *shown = &place.snapshot.layout.slots[0];
  board_worker_begin(slot, 100);
  board_request_count(slot, 200, 10);
  board_worker_pool(slot, &(struct board_pool){.open = 5, .opened = 6});
  board_worker_died(slot, 99);
  CU_ASSERT_EQUAL(slot->pid, 100);
  board_worker_died(slot, 100);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(shown->pid, 0);
  CU_ASSERT_EQUAL(shown->state, BOARD_WORKER_DEAD);
  CU_ASSERT_EQUAL(shown->pool.open, 0);
  CU_ASSERT_EQUAL(shown->pool.opened, 6);
  CU_ASSERT_EQUAL(shown->requests, 1);
  board_worker_begin(slot, 101);
  board_worker_end(slot);
  board_worker_died(slot, 101);
  CU_ASSERT_EQUAL(slot->state, BOARD_WORKER_NONE);
  place_remove(&place);
}

/* Of a worker and its successor, as long as they live; and what others have trouble with. */
static void troubles_are_those_of_the_living(void)
{
  struct place place;
  const int64_t disk[TROUBLE_KINDS] = {[TROUBLE_DISK] = 7},
                both[TROUBLE_KINDS] = {[TROUBLE_DISK] = 5, [TROUBLE_LOCKS] = 9};
  place_make(&place);
  struct board_slot *first = board_slot(place.board, board_turn(1, 0));
  struct board_slot *second = board_slot(place.board, board_turn(1, 1));
  const struct board_slot *shown = &place.snapshot.layout.slots[1];
  board_worker_begin(first, 100);
  board_worker_begin(second, 200);
  board_worker_troubles(first, 1 << 3, disk);
  board_worker_troubles(second, 1 << 4, both);
  CU_ASSERT_EQUAL(board_troubled_elsewhere(place.board, first), 1 << 4);
  CU_ASSERT_EQUAL(board_troubled_elsewhere(place.board, board_slot(place.board, 0)), 1 << 3 | 1 << 4);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(shown->troubles[TROUBLE_DISK], 5);
  CU_ASSERT_EQUAL(shown->troubles[TROUBLE_LOCKS], 9);
  board_worker_died(second, 200);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(shown->troubles[TROUBLE_DISK], 7);
  CU_ASSERT_EQUAL(shown->troubles[TROUBLE_LOCKS], 0);
  board_worker_end(first);
  CU_ASSERT_EQUAL(board_troubled_elsewhere(place.board, second), 0);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(shown->troubles[TROUBLE_DISK], 0);
  place_remove(&place);
}

static void latencies_fall_into_their_buckets(void)
{
  static const struct {
    int64_t latency;
    int bucket;
  } cases[] = {{-5, 0},      {0, 0}, {1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {1 << 22, 22}, {(1 << 22) + 1, 23},
               {1 << 30, 23}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct board_slot slot = {0};
    board_request_count(&slot, 200, cases[i].latency);
    CU_ASSERT_EQUAL(slot.latency[cases[i].bucket], 1);
  }
}

static void the_sentence_names_what_matters_most(void)
{
  struct place place;
  place_make(&place);
  expect_sentence(&place, HEALTH_FAIL, "No worker is alive: lontard's log says why.");
  begin_both(&place, BOARD_DATABASE_UNKNOWN);
  expect_sentence(&place, HEALTH_FAIL, "The workers have just begun and are connecting to the database.");
  begin_both(&place, BOARD_DATABASE_UP);
  expect_sentence(&place, HEALTH_PASS, "All is well: 2 workers, the database answers.");
  board_worker_pool(board_slot(place.board, 0), &(struct board_pool){.waiting = 3});
  expect_sentence(&place, HEALTH_WARN, "All is well, but 3 requests wait for a database connection.");
  board_set(&board_slot(place.board, 1)->heartbeat, 1);
  expect_sentence(&place, HEALTH_WARN, "1 of 2 workers are alive, the others are being replaced.");
  board_worker_database(board_slot(place.board, 0), BOARD_DATABASE_DOWN);
  expect_sentence(&place, HEALTH_FAIL, "The database has been unavailable for 0 seconds: see whether PostgreSQL runs.");
  place_remove(&place);
}

static void say(struct place *place, enum board_database word)
{
  board_prober_database(board_prober(place->board), word, word == BOARD_DATABASE_DOWN ? "the server sleeps" : "");
}

static void the_probers_word_comes_first(void)
{
  struct place place;
  place_make(&place);
  begin_both(&place, BOARD_DATABASE_UP);
  board_prober_begin(board_prober(place.board), 99);
  expect_sentence(&place, HEALTH_PASS, "All is well: 2 workers, the database answers.");
  say(&place, BOARD_DATABASE_DOWN);
  expect_sentence(&place, HEALTH_FAIL, "The database has been unavailable for 0 seconds: the server sleeps.");
  board_set(&board_prober(place.board)->heartbeat, 1);
  expect_sentence(&place, HEALTH_PASS, "All is well: 2 workers, the database answers.");
  board_prober_beat(board_prober(place.board), 0);
  say(&place, BOARD_DATABASE_UP);
  board_worker_database(board_slot(place.board, 0), BOARD_DATABASE_DOWN);
  expect_sentence(&place, HEALTH_PASS, "All is well: 2 workers, the database answers.");
  board_worker_database(board_slot(place.board, 1), BOARD_DATABASE_DOWN);
  expect_sentence(&place, HEALTH_FAIL,
                  "The database has been unavailable for 0 seconds: PostgreSQL runs, and lontard's log says what is "
                  "wrong.");
  place_remove(&place);
}

static void connected_workers_are_counted(void)
{
  struct place place;
  place_make(&place);
  begin_both(&place, BOARD_DATABASE_UP);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(health_connected(&place.snapshot), 0);
  board_worker_pool(board_slot(place.board, 0), &(struct board_pool){.open = 1});
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(health_connected(&place.snapshot), 1);
  CU_ASSERT_EQUAL(health_workers_alive(&place.snapshot), 2);
  board_set(&board_slot(place.board, 1)->heartbeat, 1);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(health_connected(&place.snapshot), 1);
  CU_ASSERT_EQUAL(health_workers_alive(&place.snapshot), 1);
  board_worker_database(board_slot(place.board, 0), BOARD_DATABASE_DOWN);
  board_snapshot(place.board, &place.snapshot);
  CU_ASSERT_EQUAL(health_connected(&place.snapshot), 0);
  place_remove(&place);
}

static void put_marker(struct place *place)
{
  CU_ASSERT_EQUAL(publish_marker(place->folder, clock_wall()), LONTAR_OK);
}

static bool take_marker(struct place *place)
{
  bool failed = false;
  return publish_unmark(place->folder, &failed);
}

static void expect_prober(struct place *place, const char *sentence)
{
  struct buffer buffer;
  buffer_init(&buffer, 1024);
  publish_look(place->board, place->folder, &place->snapshot);
  health_prober_sentence(&place->snapshot, &buffer);
  UNIT_TEXT(buffer.data, buffer.length, sentence);
  buffer_free(&buffer);
}

static void the_prober_has_a_sentence_of_its_own(void)
{
  struct place place;
  place_make(&place);
  struct board_prober *prober = board_prober(place.board);
  expect_prober(&place, "No prober is alive: each worker looks for the database by itself.");
  board_prober_begin(prober, 99);
  expect_prober(&place, "The prober has just begun.");
  say(&place, BOARD_DATABASE_UP);
  expect_prober(&place, "The prober has had the database for 0 seconds.");
  say(&place, BOARD_DATABASE_DOWN);
  board_prober_beat(prober, 1); /* long ago, so that the time left is certain */
  put_marker(&place);
  expect_prober(&place, "The prober has had no database for 0 seconds and asks again in 0 ms; the marker for "
                        "nginx stands.");
  CU_ASSERT_TRUE(take_marker(&place));
  place_remove(&place);
}

static void a_long_reason_is_cut(void)
{
  struct board_prober prober = {0};
  char reason[300], text[300];
  memset(reason, 'x', sizeof reason);
  reason[sizeof reason - 1] = '\0';
  board_prober_database(&prober, BOARD_DATABASE_DOWN, reason);
  CU_ASSERT_EQUAL(snprintf(text, sizeof text, "%.*s", BOARD_TEXT(prober.reason)), 8 * BOARD_REASON_WORDS);
  board_prober_database(&prober, BOARD_DATABASE_UP, "");
  CU_ASSERT_EQUAL(snprintf(text, sizeof text, "%.*s", BOARD_TEXT(prober.reason)), 0);
}

static void the_marker_is_a_problem_that_expires(void)
{
  struct place place;
  char path[64], wanted[CLOCK_RFC3339_SIZE];
  json_object *value = NULL;
  place_make(&place);
  (void)snprintf(path, sizeof path, "%s/" PUBLISH_MARKER, place.folder);
  (void)clock_rfc3339(CLOCK_SECOND + PUBLISH_MARKER_LIFE, wanted);
  CU_ASSERT_TRUE(take_marker(&place));
  CU_ASSERT_EQUAL(publish_marker(place.folder, 0), LONTAR_OK);
  CU_ASSERT_EQUAL(publish_marker(place.folder, CLOCK_SECOND), LONTAR_OK);
  json_object *marker = json_object_from_file(path);
  CU_ASSERT_TRUE(json_object_object_get_ex(marker, "expires_at", &value));
  CU_ASSERT_STRING_EQUAL(json_object_get_string(value), wanted);
  json_object_put(marker);
  CU_ASSERT_TRUE(take_marker(&place));
  CU_ASSERT_EQUAL(access(path, F_OK), -1);
  place_remove(&place);
}

static void a_marker_that_stands_is_told(void)
{
  struct place place;
  place_make(&place);
  board_set(&board_head(place.board)->heartbeat, (uint64_t)clock_steady());
  begin_both(&place, BOARD_DATABASE_UP);
  expect_sentence(&place, HEALTH_PASS, "All is well: 2 workers, the database answers.");
  put_marker(&place);
  expect_sentence(&place, HEALTH_FAIL,
                  "The database answers, but the marker stands, for which nginx answers 503: if that lasts, lontard's "
                  "log says why.");
  CU_ASSERT_TRUE(take_marker(&place));
  expect_sentence(&place, HEALTH_PASS, "All is well: 2 workers, the database answers.");
  place_remove(&place);
}

static void metrics_are_cumulative_and_in_seconds(void)
{
  static const char *const lines[] = {
      "\nlontar_up 1\n",
      "\nlontar_workers_alive 2\n",
      "\nlontar_requests_total{worker=\"0\"} 1\n",
      "\n# TYPE lontar_request_duration_seconds histogram\n",
      "\nlontar_request_duration_seconds_bucket{le=\"0.001024\"} 0\n",
      "\nlontar_request_duration_seconds_bucket{le=\"0.002048\"} 2\n",
      "\nlontar_request_duration_seconds_bucket{le=\"+Inf\"} 2\n",
      "\nlontar_request_duration_seconds_sum 0.003500\n",
      "\nlontar_request_duration_seconds_count 2\n",
  };
  struct place place;
  struct buffer buffer;
  place_make(&place);
  begin_both(&place, BOARD_DATABASE_UP);
  board_request_count(board_slot(place.board, 0), 200, 1500);
  board_request_count(board_slot(place.board, 1), 200, 2000);
  board_snapshot(place.board, &place.snapshot);
  buffer_init(&buffer, 1 << 20);
  render_metrics(&place.snapshot, &buffer);
  buffer_append(&buffer, "", 1);
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
    CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, lines[i]));
  buffer_free(&buffer);
  place_remove(&place);
}

static void the_status_file_is_json_with_an_expiry(void)
{
  struct place place;
  char path[64];
  json_object *value = NULL;
  place_make(&place);
  begin_both(&place, BOARD_DATABASE_UP);
  CU_ASSERT_EQUAL(publish_status(place.board, place.folder), LONTAR_OK);
  (void)snprintf(path, sizeof path, "%s/" PUBLISH_FILE, place.folder);
  json_object *status = json_object_from_file(path);
  CU_ASSERT_PTR_NOT_NULL_FATAL(status);
  CU_ASSERT_TRUE(json_object_object_get_ex(status, "status", &value));
  CU_ASSERT_STRING_EQUAL(json_object_get_string(value), "pass");
  CU_ASSERT_TRUE(json_object_object_get_ex(status, "expires_at", &value));
  CU_ASSERT_TRUE(json_object_object_get_ex(status, "workers", &value));
  CU_ASSERT_EQUAL(json_object_array_length(value), 2);
  CU_ASSERT_TRUE(json_object_object_get_ex(status, "prober", &value));
  CU_ASSERT_TRUE(json_object_object_get_ex(value, "next_probe_at", NULL));
  json_object_put(status);
  CU_ASSERT_EQUAL(unlink(path), 0);
  place_remove(&place);
}

UNIT_CASES(board, UNIT_CASE(a_reader_sees_what_a_worker_writes), UNIT_CASE(what_is_no_board_is_refused),
           UNIT_CASE(damage_to_the_file_is_seen), UNIT_CASE(a_new_board_takes_the_place_of_anything),
           UNIT_CASE(counters_go_on_and_gauges_begin_again), UNIT_CASE(both_turns_of_a_place_are_shown_as_one),
           UNIT_CASE(of_one_that_is_gone_only_the_counters_stand), UNIT_CASE(troubles_are_those_of_the_living),
           UNIT_CASE(latencies_fall_into_their_buckets), UNIT_CASE(the_sentence_names_what_matters_most),
           UNIT_CASE(metrics_are_cumulative_and_in_seconds), UNIT_CASE(the_probers_word_comes_first),
           UNIT_CASE(connected_workers_are_counted), UNIT_CASE(the_prober_has_a_sentence_of_its_own),
           UNIT_CASE(a_long_reason_is_cut), UNIT_CASE(the_marker_is_a_problem_that_expires),
           UNIT_CASE(a_marker_that_stands_is_told), UNIT_CASE(the_status_file_is_json_with_an_expiry));
