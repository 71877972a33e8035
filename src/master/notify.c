/* Tells systemd how the daemon is. */
#include "master/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "health/board.h"

void notify_send(const char *state)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("NOTIFY_SOCKET");
  const size_t length = path ? strlen(path) : 0;
  if (length == 0 || length >= sizeof address.sun_path)
    return;
  memcpy(address.sun_path, path, length);
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  CLEANUP_CLOSE int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return;
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  (void)sendto(descriptor, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
}

void notify_reloading(void)
{
  char state[64];
  (void)snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_steady());
  notify_send(state);
}

void notify_watchdog(struct board *board, uint64_t *fed)
{
  uint64_t newest = 0;
  for (int i = 0; i < BOARD_SLOTS; i++) {
    const uint64_t beat = board_get(&board_slot(board, i)->heartbeat);
    newest = beat > newest ? beat : newest;
  }
  if (newest <= *fed)
    return;
  *fed = newest;
  notify_send("WATCHDOG=1");
}
