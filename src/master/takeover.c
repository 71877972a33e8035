/* Writing, reading and checking what a master hands on to the next image of itself. */
#include "master/takeover.h"

#include <string.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/message.h"
#include "base/text.h"

enum { VERSION = 1, NUMBERS_MAX = 3 };

void takeover_write(const struct takeover *takeover, struct buffer *buffer)
{
  static const char *const states[] = {"serving", "retiring"};
  buffer_append_format(buffer, "takeover %d\nlistener %d\nlock %d\n", VERSION, takeover->listen_fd, takeover->pid_fd);
  for (int i = 0; i < takeover->count; i++) {
    const struct takeover_place *place = &takeover->places[i];
    buffer_append_format(buffer, "place %d %d %d\n", i, place->inbox, place->outbox);
    for (int turn = 0; turn < BOARD_TURNS; turn++) {
      const struct takeover_worker *worker = &place->workers[turn];
      if (worker->pid != 0)
        buffer_append_format(buffer, "%s %d %d %ld\n", states[worker->retiring], i, turn, (long)worker->pid);
    }
  }
  buffer_append_text(buffer, "end\n");
}

/* ---- Reading ---- */

static bool take_place(struct takeover *takeover, const int *numbers)
{
  if (numbers[0] != takeover->count || takeover->count == BOARD_WORKERS_MAX)
    return false;
  takeover->places[takeover->count++] = (struct takeover_place){.inbox = numbers[1], .outbox = numbers[2]};
  return true;
}

static bool take_worker(struct takeover *takeover, const int *numbers, bool retiring)
{
  if (numbers[0] != takeover->count - 1 || numbers[1] >= BOARD_TURNS || numbers[2] < 2)
    return false;
  struct takeover_place *place = &takeover->places[numbers[0]];
  const struct takeover_worker *other = &place->workers[1 - numbers[1]];
  if (place->workers[numbers[1]].pid != 0 || (other->pid != 0 && other->retiring == retiring))
    return false;
  place->workers[numbers[1]] = (struct takeover_worker){.pid = (pid_t)numbers[2], .retiring = retiring};
  return true;
}

enum kind { TAKEOVER, LISTENER, LOCK, PLACE, SERVING, RETIRING, END, KINDS };

/* Each kind of line takes its numbers, or refuses them. */
static bool take(struct takeover *takeover, enum kind kind, const int *numbers)
{
  switch (kind) {
  case TAKEOVER:
    return numbers[0] == VERSION;
  case LISTENER:
    takeover->listen_fd = numbers[0];
    return true;
  case LOCK:
    takeover->pid_fd = numbers[0];
    return true;
  case PLACE:
    return take_place(takeover, numbers);
  case SERVING:
  case RETIRING:
    return take_worker(takeover, numbers, kind == RETIRING);
  case END:
    return takeover->count > 0;
  case KINDS:
    break;
  }
  return false;
}

/* After a line of one kind comes one of the kinds in `next`. */
static const struct form {
  const char *word;
  int numbers;
  unsigned next;
} forms[KINDS] = {
    [TAKEOVER] = {"takeover", 1, 1U << LISTENER},
    [LISTENER] = {"listener", 1, 1U << LOCK},
    [LOCK] = {"lock", 1, 1U << PLACE},
    [PLACE] = {"place", 3, 1U << PLACE | 1U << SERVING | 1U << RETIRING | 1U << END},
    [SERVING] = {"serving", 3, 1U << PLACE | 1U << RETIRING | 1U << END},
    [RETIRING] = {"retiring", 3, 1U << PLACE | 1U << SERVING | 1U << END},
    [END] = {"end", 0, 0},
};

/* The next word of a line; moves `*at` behind it. */
static size_t next_word(const char **at, const char *end, const char **ret_word)
{
  const char *blank = memchr(*at, ' ', (size_t)(end - *at));
  *ret_word = *at;
  *at = blank != NULL ? blank : end;
  return (size_t)(*at - *ret_word);
}

/* Each stands behind one blank. */
static bool parse_numbers(const char *at, const char *end, int count, int *ret_numbers)
{
  for (int i = 0; i < count; i++) {
    const char *word;
    int64_t number;
    if (at++ == end)
      return false;
    const size_t length = next_word(&at, end, &word);
    if (!text_to_integer(word, length, &number) || number < 0 || number > INT32_MAX)
      return false;
    ret_numbers[i] = (int)number;
  }
  return at == end;
}

/* Which of the expected kinds a line is; KINDS when it is none or its numbers are wrong. */
static enum kind parse_line(const char *at, const char *end, unsigned expected, struct takeover *takeover)
{
  int numbers[NUMBERS_MAX] = {0};
  const char *word;
  const size_t length = next_word(&at, end, &word);
  enum kind kind = TAKEOVER;
  while (kind < KINDS && (strlen(forms[kind].word) != length || memcmp(forms[kind].word, word, length) != 0))
    kind++;
  const bool good = kind < KINDS && (expected >> kind & 1U) && parse_numbers(at, end, forms[kind].numbers, numbers) &&
                    take(takeover, kind, numbers);
  return good ? kind : KINDS;
}

int takeover_parse(const char *text, size_t length, struct takeover *ret_takeover, char *message, size_t size)
{
  struct takeover takeover = {.count = 0};
  unsigned expected = 1U << TAKEOVER;
  const char *at = text;
  const char *end = text + length;
  for (int line = 1; expected != 0; line++) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    const enum kind kind = stop != NULL ? parse_line(at, stop, expected, &takeover) : KINDS;
    if (kind == KINDS)
      return message_fail(LONTAR_INVALID, message, size, "line %d of what was handed on cannot be used", line);
    expected = forms[kind].next;
    at = stop + 1;
  }
  if (at != end)
    return message_fail(LONTAR_INVALID, message, size, "something stands behind the end of what was handed on");
  *ret_takeover = takeover;
  return LONTAR_OK;
}
