# raw.tsv as Markdown. Variables: machine, rounds, seconds, chats.
function thousands(number,   text) {
  number = sprintf("%.0f", number)
  for (; length(number) > 3; number = substr(number, 1, length(number) - 3))
    text = "," substr(number, length(number) - 2) text
  return number text
}

function ratio(rate, most) { return most > 0 ? sprintf("%.2f", rate / most) : "" }

function row(call, clients,   rate) {
  rate = median(call, clients, "lontard", 5)
  printf "| %s | %s | %s | %.2f | %.2f | %.2f | %d | %.2f | %.2f | %.2f | %s | %s |\n", name(call), thousands(clients), \
    thousands(rate), median(call, clients, "lontard", 6), median(call, clients, "lontard", 7), \
    median(call, clients, "lontard", 8), failed[call, clients, "lontard"], median(call, clients, "lontard", 11), \
    median(call, clients, "lontard", 12), median(call, clients, "lontard", 13), \
    ratio(rate, limit(call, clients, "echo")), ratio(rate, limit(call, clients, "pgbench"))
}

function limit_row(call, clients) {
  if (!has(call, clients, "echo") && !has(call, clients_beside(clients), "pgbench")) return
  printf "| %s | %s | %s | %.2f | %.2f | %s |\n", name(call), thousands(clients), \
    thousands(limit(call, clients, "echo")), median(call, clients, "echo", 7), median(call, clients, "echo", 11), \
    (limit(call, clients, "pgbench") > 0 ? thousands(limit(call, clients, "pgbench")) : "")
}

END {
  printf "%s, which run wrk as well. %s chats; medians of rounds of %d s: %d.\n\n", machine, thousands(chats), seconds, rounds
  print "| call | connections | requests/s | p50 ms | p99 ms | p99.9 ms | not 2xx | CPU s per 10,000: nginx | lontard | PostgreSQL | of nginx alone | of pgbench |"
  print "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
  for (i = 1; i <= call_count; i++)
    for (j = 1; j <= connections_count; j++)
      if (has(calls[i], connections[j], "lontard")) row(calls[i], connections[j])
  print "\nThe limits: nginx before a FastCGI responder that answers at once, with as many bytes, and pgbench with the same SQL (1 client, else 10).\n"
  print "| call | connections | nginx alone: requests/s | p99 ms | CPU s per 10,000: nginx | pgbench: statements/s |"
  print "|---|---:|---:|---:|---:|---:|"
  for (i = 1; i <= call_count; i++)
    for (j = 1; j <= connections_count; j++) limit_row(calls[i], connections[j])
  printf "\nMemory of lontard's processes together under load, at most: %.1f MiB (PSS)", largest["served"] / 1024
  printf largest["login"] ? "; %.1f MiB while two passwords are hashed.\n" : ".\n", largest["login"] / 1024
}
