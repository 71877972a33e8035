/* Tests of front/intake: what counts as a whole request, and one that comes in pieces. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/intake.h"
#include "unit.h"

enum { TYPE_BEGIN = 1, TYPE_PARAMS = 4, TYPE_STDIN = 5 };

/* BEGIN_REQUEST, PARAMS with padding, their end, STDIN of five bytes with padding, its end. */
static const unsigned char request[] = {
    1,   TYPE_BEGIN, 0,   1,   0,   8, 0, 0, 0, 1,           1, 0, 0, 0, 0, 0, 1, TYPE_PARAMS, 0, 1, 0, 4, 4, 0,
    1,   1,          'A', 'B', 0,   0, 0, 0, 1, TYPE_PARAMS, 0, 1, 0, 0, 0, 0, 1, TYPE_STDIN,  0, 1, 0, 5, 3, 0,
    'h', 'e',        'l', 'l', 'o', 0, 0, 0, 1, TYPE_STDIN,  0, 1, 0, 0, 2, 0, 0, 0,
};

enum { LENGTH = sizeof request, LIMIT = 1000 };

static enum intake_state follow(const unsigned char *data, size_t length)
{
  struct intake_records records = {.skip = 0};
  return intake_follow(&records, data, length);
}

static void every_beginning_is_a_part(void)
{
  for (size_t length = 0; length < LENGTH; length++)
    CU_ASSERT_EQUAL(follow(request, length), INTAKE_PART);
  CU_ASSERT_EQUAL(follow(request, LENGTH), INTAKE_WHOLE);
}

static void pieces_of_any_size_add_up(void)
{
  for (size_t size = 1; size < LENGTH; size++) {
    struct intake_records records = {.skip = 0};
    for (size_t at = 0; at < LENGTH; at += size) {
      const size_t length = LENGTH - at < size ? LENGTH - at : size;
      CU_ASSERT_EQUAL(intake_follow(&records, request + at, length), at + length < LENGTH ? INTAKE_PART : INTAKE_WHOLE);
    }
  }
}

static void what_is_no_record_is_for_libfcgi_to_refuse(void)
{
  CU_ASSERT_EQUAL(follow((const unsigned char *)"GET / HTTP/1.0\r\n\r\n", 18), INTAKE_WHOLE);
  CU_ASSERT_EQUAL(follow((const unsigned char *)"GET / H", 7), INTAKE_PART);
}

/* Two ends of a connection, and one being collected from. */
struct scene {
  int ends[2];
  struct intake intake;
};

static void scene_open(struct scene *scene)
{
  CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, scene->ends), 0);
  CU_ASSERT_TRUE_FATAL(intake_begin(&scene->intake));
}

static void scene_close(struct scene *scene)
{
  intake_end(&scene->intake);
  CU_ASSERT_EQUAL(scene->intake.file, -1);
  close(scene->ends[0]);
  close(scene->ends[1]);
}

static void say(const struct scene *scene, size_t from, size_t length)
{
  CU_ASSERT_EQUAL(send(scene->ends[1], request + from, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void looking_takes_nothing(void)
{
  struct scene scene;
  unsigned char window[LENGTH];
  scene_open(&scene);
  CU_ASSERT_EQUAL(intake_look(scene.ends[0], window, sizeof window), INTAKE_SILENT);
  say(&scene, 0, 10);
  CU_ASSERT_EQUAL(intake_look(scene.ends[0], window, sizeof window), INTAKE_PART);
  say(&scene, 10, LENGTH - 10);
  CU_ASSERT_EQUAL(intake_look(scene.ends[0], window, sizeof window - 1), INTAKE_PART); /* it sees no further */
  CU_ASSERT_EQUAL(intake_look(scene.ends[0], window, sizeof window), INTAKE_WHOLE);
  CU_ASSERT_EQUAL(recv(scene.ends[0], window, sizeof window, 0), LENGTH);
  (void)shutdown(scene.ends[1], SHUT_RDWR);
  CU_ASSERT_EQUAL(intake_look(scene.ends[0], window, sizeof window), INTAKE_GONE);
  scene_close(&scene);
}

static void what_was_collected_is_read_from_its_beginning(void)
{
  struct scene scene;
  unsigned char got[LENGTH + 1];
  scene_open(&scene);
  for (size_t at = 0; at < LENGTH; at++) {
    CU_ASSERT_EQUAL(intake_collect(&scene.intake, scene.ends[0], LIMIT), INTAKE_PART);
    say(&scene, at, 1);
  }
  CU_ASSERT_EQUAL(intake_collect(&scene.intake, scene.ends[0], LIMIT), INTAKE_WHOLE);
  CU_ASSERT_EQUAL(read(scene.intake.file, got, sizeof got), LENGTH);
  CU_ASSERT_EQUAL(memcmp(got, request, LENGTH), 0);
  scene_close(&scene);
}

static void collecting_ends_at_the_limit_and_with_the_peer(void)
{
  struct scene scene;
  scene_open(&scene);
  say(&scene, 0, 30);
  CU_ASSERT_EQUAL(intake_collect(&scene.intake, scene.ends[0], 30), INTAKE_PART);
  say(&scene, 30, 1);
  CU_ASSERT_EQUAL(intake_collect(&scene.intake, scene.ends[0], 30), INTAKE_WHOLE);
  (void)shutdown(scene.ends[1], SHUT_RDWR);
  CU_ASSERT_EQUAL(intake_collect(&scene.intake, scene.ends[0], LIMIT), INTAKE_GONE);
  scene_close(&scene);
}

UNIT_CASES(intake, UNIT_CASE(every_beginning_is_a_part), UNIT_CASE(pieces_of_any_size_add_up),
           UNIT_CASE(what_is_no_record_is_for_libfcgi_to_refuse), UNIT_CASE(looking_takes_nothing),
           UNIT_CASE(what_was_collected_is_read_from_its_beginning),
           UNIT_CASE(collecting_ends_at_the_limit_and_with_the_peer));
