/* One table from troubles to words, and which of them there are. */
#include "health/complaint.h"

#include <inttypes.h>

#include "base/buffer.h"
#include "base/clock.h"

static const struct complaint {
  const char *name;
  const char *sentence;
} complaints[TROUBLE_KINDS] = {
    [TROUBLE_SCHEMA] = {"schema", "A table, column or function that lontard needs is missing: run lontarctl migrate."},
    [TROUBLE_RIGHTS] = {"rights", "The database refuses requests for want of rights: run lontarctl migrate --grant, "
                                  "and lontarctl check."},
    [TROUBLE_READ_ONLY] = {"read_only", "The database server takes no writes: it is a standby or was made read-only."},
    [TROUBLE_DISK] = {"disk_full", "The disk of the database server is full: make room there."},
    [TROUBLE_STANDBY] = {"standby", "Writes wait for a synchronous standby that does not follow: start it, or take it "
                                    "out of synchronous_standby_names."},
    [TROUBLE_LOCKS] = {"locks", "Requests wait for a lock that another program holds in the database: pg_locks and "
                                "pg_stat_activity show which."},
    [TROUBLE_WAITS] = {"waits", "Requests wait too long for the database: it is overloaded, or stands still."},
    [TROUBLE_FAULT] = {"faults", "Requests meet errors of the database: lontard's log says which."},
    [TROUBLE_AWAY] = {"away", "A worker has no connection to the database: lontard's log says why."},
    [TROUBLE_PASSWORDS] = {"passwords", "Logins are refused because too many passwords wait to be checked."},
    [TROUBLE_MEMORY] = {"memory", "Requests are refused because there is no memory left."},
    [TROUBLE_DESCRIPTORS] = {"descriptors", "A worker can take no more connections, because it has no descriptor left: "
                                            "raise the limit of open files (LimitNOFILE, ulimit -n)."},
};

const char *complaint_name(enum trouble trouble)
{
  return complaints[trouble].name;
}

uint64_t complaint_since(const struct board_snapshot *snapshot, enum trouble trouble)
{
  uint64_t first = 0;
  for (const struct board_slot *slot = NULL; (slot = board_next_alive(snapshot, slot)) != NULL;) {
    const uint64_t since = slot->troubles[trouble];
    if (since != 0 && (first == 0 || since < first))
      first = since;
  }
  return first;
}

static bool has_worker(const struct board_snapshot *snapshot, enum trouble trouble)
{
  return complaint_since(snapshot, trouble) != 0;
}

/* What workers wait for is the standby when one was waited for a moment ago: each wait ends with its session, so that a
 * look may find none between two. */
static bool has_standby(const struct board_snapshot *snapshot)
{
  const struct board_prober *prober = &snapshot->layout.prober;
  if (!board_prober_alive(snapshot))
    return false;
  return prober->standby > 0 || (has_worker(snapshot, TROUBLE_WAITS) &&
                                 clock_is_fresh(prober->standby_seen, snapshot->taken_steady, TROUBLE_LIFE));
}

static bool lacks_right(const struct board_snapshot *snapshot)
{
  return board_prober_alive(snapshot) && snapshot->layout.prober.lacking > 0;
}

bool complaint_has(const struct board_snapshot *snapshot, enum trouble trouble)
{
  switch (trouble) {
  case TROUBLE_STANDBY:
    return has_standby(snapshot);
  case TROUBLE_WAITS:
    return has_worker(snapshot, trouble) && !has_standby(snapshot);
  case TROUBLE_RIGHTS:
    return has_worker(snapshot, trouble) || lacks_right(snapshot);
  default:
    return has_worker(snapshot, trouble);
  }
}

bool complaint_any(const struct board_snapshot *snapshot)
{
  for (int i = TROUBLE_NONE + 1; i < TROUBLE_KINDS; i++)
    if (complaint_has(snapshot, (enum trouble)i))
      return true;
  return false;
}

static void rights_sentence(const struct board_prober *prober, struct buffer *buffer)
{
  buffer_append_format(buffer, " lontard's role in the database lacks the right to %.*s", BOARD_TEXT(prober->lack));
  if (prober->lacking > 1)
    buffer_append_format(buffer, ", and %" PRIu64 " more", prober->lacking - 1);
  buffer_append_text(buffer, ": run lontarctl migrate --grant with that role.");
}

void complaint_sentence(const struct board_snapshot *snapshot, enum trouble trouble, struct buffer *buffer)
{
  if (trouble == TROUBLE_RIGHTS && lacks_right(snapshot))
    rights_sentence(&snapshot->layout.prober, buffer);
  else
    buffer_append_format(buffer, " %s", complaints[trouble].sentence);
}

void complaint_sentences(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  for (int i = TROUBLE_NONE + 1; i < TROUBLE_KINDS; i++)
    if (complaint_has(snapshot, (enum trouble)i))
      complaint_sentence(snapshot, (enum trouble)i, buffer);
}
