# A dump of callgrind as "OWN ALL": instructions in lontard's object, and in all.
/^c?ob=/ {
  id = $1
  sub(/^c?ob=/, "", id)
  if (NF > 1) name[id] = $2 # later only the number stands there
  if (/^ob/) own = name[id] ~ /\/lontard$/
  next
}
/^calls=/ { inclusive = 1; next } # the next line is the called function's cost
/^[0-9+*-]/ {
  if (!inclusive) {
    all += $2
    if (own) mine += $2
  }
  inclusive = 0
}
END { printf "%.0f %.0f\n", mine, all }
