# A dump of callgrind as "TICKS OWN ALL": calls of the pool's on_tick, instructions in lontard's object, and in all.

# "ob=(NUMBER) NAME"; later only the number stands there. The objects and functions that are called have a c before it.
/^c?(ob|fn)=/ {
  kind = $1
  sub(/=.*/, "", kind)
  id = $1
  sub(/=/, "", id)
  sub(/^c/, "", id)
  if (NF > 1) name[id] = $2
  if (kind == "ob") own = name[id] ~ /\/lontard$/
  if (kind == "cfn") callee = name[id]
  next
}
/^calls=/ {
  split($1, times, "=")
  if (callee == "on_tick") ticks += times[2]
  inclusive = 1 # the next line is the callee's cost
  next
}
/^[0-9+*-]/ {
  if (!inclusive) {
    all += $2
    if (own) mine += $2
  }
  inclusive = 0
}
END { printf "%d %.0f %.0f\n", ticks, mine, all }
