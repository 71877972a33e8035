/* Tests of front/intake: what counts as a whole request, and one that comes in pieces. */
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

static void what_is_no_record_needs_no_more_to_be_refused(void)
{
  CU_ASSERT_EQUAL(follow((const unsigned char *)"GET / HTTP/1.0\r\n\r\n", 18), INTAKE_WHOLE);
  CU_ASSERT_EQUAL(follow((const unsigned char *)"GET / H", 7), INTAKE_PART);
}

/* Two ends of a connection, and one being taken from. */
struct scene {
  int ends[2];
  struct intake intake;
  struct intake_window window;
  const unsigned char *data;
  size_t length;
};

static void scene_open(struct scene *scene)
{
  CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, scene->ends), 0);
  intake_init(&scene->intake, LIMIT);
}

static void scene_close(struct scene *scene)
{
  intake_clear(&scene->intake);
  CU_ASSERT_PTR_NULL(scene->intake.pieces.data);
  close(scene->ends[0]);
  close(scene->ends[1]);
}

static void say(const struct scene *scene, const void *data, size_t length)
{
  CU_ASSERT_EQUAL(send(scene->ends[1], data, length, MSG_NOSIGNAL), (ssize_t)length);
}

static enum intake_state take(struct scene *scene)
{
  return intake_take(&scene->intake, scene->ends[0], &scene->window, &scene->data, &scene->length);
}

static void expect_request(const struct scene *scene)
{
  CU_ASSERT_EQUAL_FATAL(scene->length, LENGTH);
  CU_ASSERT_EQUAL(memcmp(scene->data, request, LENGTH), 0);
}

static void what_comes_at_once_is_not_copied(void)
{
  struct scene scene;
  scene_open(&scene);
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL(take(&scene), INTAKE_SILENT);
    say(&scene, request, LENGTH);
    CU_ASSERT_EQUAL(take(&scene), INTAKE_WHOLE);
    expect_request(&scene);
    CU_ASSERT_PTR_EQUAL(scene.data, scene.window.bytes);
    CU_ASSERT_PTR_NULL(scene.intake.pieces.data);
    intake_clear(&scene.intake);
  }
  scene_close(&scene);
}

static void what_comes_in_pieces_is_collected(void)
{
  struct scene scene;
  scene_open(&scene);
  for (size_t at = 0; at < LENGTH; at++) {
    CU_ASSERT_EQUAL(take(&scene), INTAKE_SILENT);
    say(&scene, request + at, 1);
    CU_ASSERT_EQUAL(take(&scene), at + 1 < LENGTH ? INTAKE_PART : INTAKE_WHOLE);
  }
  expect_request(&scene);
  scene_close(&scene);
}

static void collecting_ends_at_the_limit_and_with_the_peer(void)
{
  struct scene scene;
  unsigned char large[LIMIT + 1] = {1, TYPE_STDIN, 0, 1, 255, 255};
  scene_open(&scene);
  say(&scene, large, LIMIT);
  CU_ASSERT_EQUAL(take(&scene), INTAKE_PART);
  say(&scene, large + LIMIT, 1);
  CU_ASSERT_EQUAL(take(&scene), INTAKE_WHOLE);
  CU_ASSERT_EQUAL(scene.length, LIMIT + 1);
  (void)shutdown(scene.ends[1], SHUT_RDWR);
  CU_ASSERT_EQUAL(take(&scene), INTAKE_GONE);
  scene_close(&scene);
}

static void looking_takes_nothing(void)
{
  struct scene scene;
  scene_open(&scene);
  CU_ASSERT_EQUAL(intake_look(scene.ends[0]), INTAKE_SILENT);
  say(&scene, request, LENGTH);
  CU_ASSERT_EQUAL(intake_look(scene.ends[0]), INTAKE_PART);
  CU_ASSERT_EQUAL(take(&scene), INTAKE_WHOLE);
  expect_request(&scene);
  (void)shutdown(scene.ends[1], SHUT_RDWR);
  CU_ASSERT_EQUAL(intake_look(scene.ends[0]), INTAKE_GONE);
  scene_close(&scene);
}

UNIT_CASES(intake, UNIT_CASE(every_beginning_is_a_part), UNIT_CASE(pieces_of_any_size_add_up),
           UNIT_CASE(what_is_no_record_needs_no_more_to_be_refused), UNIT_CASE(what_comes_at_once_is_not_copied),
           UNIT_CASE(what_comes_in_pieces_is_collected), UNIT_CASE(collecting_ends_at_the_limit_and_with_the_peer),
           UNIT_CASE(looking_takes_nothing));
