# The measurements of raw.tsv by call, connections, what was measured and column: median(call, connections, what, column).
# Columns are named in the script `run`. Included by the other awk scripts here.
BEGIN { FS = "\t" }

{
  cell = $1 SUBSEP $2 SUBSEP $3
  count[cell]++
  for (i = 5; i <= NF; i++) figure[cell, i, count[cell]] = $i
  for (i = 11; i <= 13; i++) figure[cell, i, count[cell]] = $10 > $9 ? $i / ($10 - $9) * 10000 : 0
  failed[cell] += $9
  if (!($1 in call_known)) { call_known[$1] = 1; calls[++call_count] = $1 }
  if ($3 == "lontard" && !($2 in connections_known)) { connections_known[$2] = 1; connections[++connections_count] = $2 }
  memory = $1 == "login" ? "login" : "served" # Argon2id takes 19 MiB a worker
  if ($14 > largest[memory]) largest[memory] = $14
}

function has(call, clients, what) { return count[call, clients, what] > 0 }

# 0 when nothing was measured.
function median(call, clients, what, column,   n, i, j, value, sorted) {
  n = count[call, clients, what]
  for (i = 1; i <= n; i++) {
    value = figure[call, clients, what, column, i] + 0
    for (j = i - 1; j >= 1 && sorted[j] > value; j--) sorted[j + 1] = sorted[j]
    sorted[j + 1] = value
  }
  if (n == 0) return 0
  return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

# pgbench's clients beside so many connections: a pool would not open more.
function clients_beside(clients) { return clients == 1 ? 1 : 10 }

function limit(call, clients, what) {
  return median(call, what == "pgbench" ? clients_beside(clients) : clients, what, 5)
}

function name(call) {
  return call == "subject" ? "one subject" : call == "session" ? "session check" : call == "page" ? "page of 50 chats" : \
    call == "chat" ? "save a chat" : call == "school" ? "a school's mix" : call
}
