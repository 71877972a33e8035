/* A place whose connection goes: it is free when the server's end of the session was seen. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "pool/rules.h"
#include "pool/slice.h"

void place_vacate(struct place *place, enum policy_reason reason)
{
  if (place->event != NULL)
    (void)event_del(place->event);
  place->connection = NULL;
  place->watched = -1;
  place->dirty = false;
  policy_closed(&place->pool->policy, place->index, reason, clock_steady(), random_bits());
}

void place_end_leaving(struct place *place)
{
  struct pool *pool = place->pool;
  if (place->left_note >= 0)
    pool->owner.forget(pool->owner.owner, place->left_note);
  place->left_note = -1;
  (void)event_del(place->event);
  if (place->watched >= 0)
    (void)close(place->watched);
  place_vacate(place, place_slot(place)->reason);
}

static void on_left(evutil_socket_t fd, short what, void *argument)
{
  struct place *place = argument;
  static char waste[64 << 10];
  ssize_t got = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
  (void)what;
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
    return;
  place_end_leaving(place);
  place->pool->dispatch(place->pool);
}

/* Whether there is something that will tell the end of the session. */
static bool watch_leaving(struct place *place, int fd)
{
  place->watched = fd;
  if (fd < 0)
    return place->left_backend != 0;
  return event_assign(place->event, place->pool->base, fd, EV_READ | EV_PERSIST, on_left, place) == 0 &&
         event_add(place->event, NULL) == 0;
}

/* The connection goes. PostgreSQL has one more until its process has ended, so the place is not given to another before
 * that is seen. */
void place_leave(struct place *place, enum policy_reason reason)
{
  struct pool *pool = place->pool;
  int fd = -1;
  place->left_backend = connection_backend(place->connection);
  place->left_at = clock_steady();
  place->dirty = false;
  (void)event_del(place->event);
  const bool open = connection_part(TAKE(place->connection), &fd);
  if (open && watch_leaving(place, fd)) {
    policy_leaving(&pool->policy, place->index, reason, place->left_at, random_bits());
    return;
  }
  if (fd >= 0)
    (void)close(fd);
  place_vacate(place, reason);
}

/* A server that is busy with what was given up, or that cannot be heard any more, is asked over another connection. */
void place_inspect_leaving(struct place *place, int64_t now)
{
  const struct pool_owner *owner = &place->pool->owner;
  if (place->left_note >= 0 && owner->is_gone(owner->owner, place->left_note))
    place_end_leaving(place);
  else if (place->left_note < 0 && place->left_backend != 0 &&
           (place_slot(place)->given_up || now - place->left_at > RULES_LEFT_RESTING))
    place->left_note = owner->note(owner->owner, place->left_backend);
}

void place_close(struct place *place, enum policy_reason reason)
{
  place->pool->numbers.closed[reason]++;
  place_leave(place, reason);
}
