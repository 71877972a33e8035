/* Tests of master/notify against a socket as systemd opens it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "health/board.h"
#include "master/notify.h"
#include "unit.h"

enum { PATIENCE = 10 };

struct place {
  char folder[32];
  char board_path[64];
  struct sockaddr_un address;
  int descriptor;
  struct board *board;
};

static void place_make(struct place *place)
{
  char message[MESSAGE_SIZE];
  *place = (struct place){.folder = "/tmp/unit-notify-XXXXXX", .address.sun_family = AF_UNIX};
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->folder));
  (void)snprintf(place->board_path, sizeof place->board_path, "%s/" BOARD_FILE, place->folder);
  (void)snprintf(place->address.sun_path, sizeof place->address.sun_path, "%s/notify", place->folder);
  place->descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CU_ASSERT_EQUAL_FATAL(bind(place->descriptor, (struct sockaddr *)&place->address, sizeof place->address), 0);
  CU_ASSERT_EQUAL_FATAL(setenv("NOTIFY_SOCKET", place->address.sun_path, 1), 0);
  CU_ASSERT_EQUAL_FATAL(board_create(place->board_path, 2, &place->board, message, sizeof message), 0);
}

static void place_remove(struct place *place)
{
  (void)unsetenv("NOTIFY_SOCKET");
  board_close(place->board);
  (void)close(place->descriptor);
  CU_ASSERT_EQUAL(unlink(place->address.sun_path) + unlink(place->board_path) + rmdir(place->folder), 0);
}

/* What has come is exactly `text`, or nothing for "". */
static void expect(struct place *place, const char *text)
{
  char got[64];
  const ssize_t length = recv(place->descriptor, got, sizeof got, 0);
  UNIT_TEXT(got, length < 0 ? 0 : (size_t)length, text);
}

static void a_state_is_sent_as_it_is(void)
{
  struct place place;
  place_make(&place);
  notify_send("READY=1");
  expect(&place, "READY=1");
  place_remove(&place);
  notify_send("READY=1"); /* to nobody */
}

static void the_watchdog_is_fed_once_a_movement(void)
{
  struct place place;
  uint64_t fed = 0;
  place_make(&place);
  notify_watchdog(place.board, &fed);
  expect(&place, "");
  board_set(&board_slot(place.board, 1)->heartbeat, 100);
  notify_watchdog(place.board, &fed);
  expect(&place, "WATCHDOG=1");
  notify_watchdog(place.board, &fed);
  expect(&place, "");
  board_set(&board_slot(place.board, 0)->heartbeat, 101);
  notify_watchdog(place.board, &fed);
  expect(&place, "WATCHDOG=1");
  place_remove(&place);
}

/* As systemd's is when it does not read. */
static void fill(struct place *place)
{
  const int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  while (sendto(sender, "x", 1, 0, (struct sockaddr *)&place->address, sizeof place->address) == 1)
    ;
  (void)close(sender);
}

static void empty(struct place *place)
{
  char got[64];
  while (recv(place->descriptor, got, sizeof got, 0) >= 0)
    ;
}

static void what_cannot_be_sent_is_sent_later(void)
{
  struct place place;
  uint64_t fed = 0;
  place_make(&place);
  board_set(&board_slot(place.board, 1)->heartbeat, 100);
  fill(&place);
  (void)alarm(PATIENCE);
  notify_send("RELOADING=1");
  notify_send("READY=1");
  notify_watchdog(place.board, &fed);
  CU_ASSERT_EQUAL(fed, 0);
  empty(&place);
  notify_watchdog(place.board, &fed);
  (void)alarm(0);
  expect(&place, "RELOADING=1");
  expect(&place, "READY=1");
  expect(&place, "WATCHDOG=1");
  expect(&place, "");
  CU_ASSERT_EQUAL(fed, 100);
  place_remove(&place);
}

UNIT_CASES(notify, UNIT_CASE(a_state_is_sent_as_it_is), UNIT_CASE(the_watchdog_is_fed_once_a_movement),
           UNIT_CASE(what_cannot_be_sent_is_sent_later));
