/* Tests of master/takeover: the text that one image of the master hands on to the next. */
#include <lontar/error.h>

#include "base/buffer.h"
#include "base/message.h"
#include "master/takeover.h"
#include "unit.h"

#define HEAD "takeover 1\nlistener 5\nlock 4\n"

static int parse(const char *text, struct takeover *takeover)
{
  char message[MESSAGE_SIZE];
  return takeover_parse(text, strlen(text), takeover, message, sizeof message);
}

static void what_is_written_is_read(void)
{
  static const char text[] =
      HEAD "place 0 7 8\nserving 0 1 4711\nretiring 0 0 4700\nplace 1 9 10\nserving 1 0 4712\nend\n";
  struct takeover takeover;
  struct buffer buffer;
  CU_ASSERT_EQUAL_FATAL(parse(text, &takeover), LONTAR_OK);
  CU_ASSERT_EQUAL(takeover.listen_fd, 5);
  CU_ASSERT_EQUAL(takeover.pid_fd, 4);
  CU_ASSERT_EQUAL(takeover.count, 2);
  CU_ASSERT_EQUAL(takeover.places[0].inbox, 7);
  CU_ASSERT_EQUAL(takeover.places[1].outbox, 10);
  CU_ASSERT_EQUAL(takeover.places[0].workers[0].pid, 4700);
  CU_ASSERT_TRUE(takeover.places[0].workers[0].retiring);
  CU_ASSERT_EQUAL(takeover.places[0].workers[1].pid, 4711);
  CU_ASSERT_FALSE(takeover.places[0].workers[1].retiring);
  CU_ASSERT_EQUAL(takeover.places[1].workers[1].pid, 0);
  buffer_init(&buffer, 1000);
  takeover_write(&takeover, &buffer);
  UNIT_TEXT(buffer.data, buffer.length,
            HEAD "place 0 7 8\nretiring 0 0 4700\nserving 0 1 4711\nplace 1 9 10\nserving 1 0 4712\nend\n");
  buffer_free(&buffer);
}

static void every_beginning_of_it_is_refused(void)
{
  static const char text[] = HEAD "place 0 7 8\nserving 0 1 4711\nend\n";
  struct takeover takeover = {.count = 77};
  char message[MESSAGE_SIZE];
  for (size_t length = 0; length < strlen(text); length++)
    CU_ASSERT_EQUAL(takeover_parse(text, length, &takeover, message, sizeof message), LONTAR_INVALID);
  CU_ASSERT_EQUAL(takeover.count, 77);
  CU_ASSERT_EQUAL(takeover_parse(text, strlen(text), &takeover, message, sizeof message), LONTAR_OK);
}

static void what_is_wrong_is_refused(void)
{
  static const char *const texts[] = {
      "takeover 2\nlistener 5\nlock 4\nplace 0 7 8\nend\n",
      "takeover 1\nlock 4\nlistener 5\nplace 0 7 8\nend\n",
      HEAD "end\n",
      HEAD "place 1 7 8\nend\n",
      HEAD "place 0 7\nend\n",
      HEAD "place 0 7 8 9\nend\n",
      HEAD "place 0 7 8 \nend\n",
      HEAD "place 0  8\nend\n",
      HEAD "place 0 7 -8\nend\n",
      HEAD "place 0 7 99999999999\nend\n",
      HEAD "place 0 7 8\nplaces 1 9 10\nend\n",
      HEAD "place 0 7 8\nserving 1 0 4711\nend\n",
      HEAD "place 0 7 8\nserving 0 2 4711\nend\n",
      HEAD "place 0 7 8\nserving 0 0 1\nend\n",
      HEAD "place 0 7 8\nserving 0 0 4711\nserving 0 1 4712\nend\n",
      HEAD "place 0 7 8\nserving 0 0 4711\nretiring 0 0 4712\nend\n",
      HEAD "place 0 7 8\nend\nplace 1 9 10\n",
      HEAD "place 0 7 8\nend 1\n",
  };
  struct takeover takeover;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (parse(texts[i], &takeover) != LONTAR_INVALID)
      UNIT_TEXT(texts[i], strlen(texts[i]), "refused");
}

static void no_more_places_than_there_can_be(void)
{
  struct takeover takeover = {.listen_fd = 5, .pid_fd = 4, .count = BOARD_WORKERS_MAX};
  struct takeover read;
  struct buffer buffer;
  char message[MESSAGE_SIZE];
  buffer_init(&buffer, 1 << 16);
  takeover_write(&takeover, &buffer);
  CU_ASSERT_EQUAL(takeover_parse(buffer.data, buffer.length, &read, message, sizeof message), LONTAR_OK);
  CU_ASSERT_EQUAL(read.count, BOARD_WORKERS_MAX);
  buffer.length -= strlen("end\n");
  buffer_append_text(&buffer, "place 64 0 0\nend\n");
  CU_ASSERT_EQUAL(takeover_parse(buffer.data, buffer.length, &read, message, sizeof message), LONTAR_INVALID);
  buffer_free(&buffer);
}

UNIT_CASES(takeover, UNIT_CASE(what_is_written_is_read), UNIT_CASE(every_beginning_of_it_is_refused),
           UNIT_CASE(what_is_wrong_is_refused), UNIT_CASE(no_more_places_than_there_can_be));
