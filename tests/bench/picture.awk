# raw.tsv as a picture: for each call, good answers a second by connections, beside the limits. Variable: machine.
function text(x, y, class, words) { printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, class, words }

function short(number) { return number >= 9950 ? sprintf("%.0f k", number / 1000) : number >= 995 ? sprintf("%.1f k", number / 1000) : sprintf("%.0f", number) }

function mark(x, y, width, class) { printf "<path d=\"M%.1f %.1fh%.1f\" class=\"%s\"/>\n", x, y, width, class }

function highest(call,   j, most, value, what, n, whats) {
  n = split("lontard echo pgbench", whats, " ")
  for (j = 1; j <= connections_count; j++)
    for (what = 1; what <= n; what++) {
      value = limit(call, connections[j], whats[what])
      if (value > most) most = value
    }
  return most
}

function panel(call, left, top,   j, x, scale, rate, base, wide) {
  base = top + HEIGHT
  wide = WIDTH / connections_count
  scale = highest(call) > 0 ? (HEIGHT - 8) / highest(call) : 0
  text(left, top - 12, "title", name(call))
  printf "<path d=\"M%.1f %.1fh%d\" class=\"axis\"/>\n", left, base, WIDTH
  for (j = 1; j <= connections_count; j++) {
    x = left + (j - 1) * wide
    rate = median(call, connections[j], "lontard", 5)
    printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"bar\"/>\n", x + wide * 0.2, base - rate * scale, wide * 0.6, rate * scale
    if (limit(call, connections[j], "echo") > 0) mark(x + wide * 0.1, base - limit(call, connections[j], "echo") * scale, wide * 0.8, "echo")
    if (limit(call, connections[j], "pgbench") > 0) mark(x + wide * 0.1, base - limit(call, connections[j], "pgbench") * scale, wide * 0.8, "pgbench")
    text(x + wide / 2, base + 14, "label small", connections[j])
    text(x + wide / 2, base + 30, "label rate", short(rate))
    text(x + wide / 2, base + 45, "label small", sprintf("%.1f ms", median(call, connections[j], "lontard", 7)))
  }
}

function legend(y,   x) {
  x = 30
  printf "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"10\" class=\"bar\"/>\n", x, y - 9
  text(x + 20, y, "note", "lontard")
  mark(x + 90, y - 4, 18, "echo")
  text(x + 114, y, "note", "nginx and a responder that answers at once")
  mark(x + 390, y - 4, 18, "pgbench")
  text(x + 414, y, "note", "pgbench, the same SQL")
  text(x + 570, y, "note", "below: connections, rate, p99")
}

END {
  WIDTH = 250; HEIGHT = 170
  across = 3
  down = int((call_count + across - 1) / across)
  tall = 100 + down * (HEIGHT + 95)
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 870 %d\" font-family=\"sans-serif\">\n", tall
  # Readable on light and on dark pages, without a background of its own.
  print "<style>text{fill:#7d8590;font-size:12px}.title{font-size:14px;font-weight:bold}.heading{font-size:16px;font-weight:bold}"
  print ".label{text-anchor:middle}.small{font-size:10px}.rate{font-weight:bold}.bar{fill:#3d8f5f}.axis{stroke:#7d8590}"
  print "path{fill:none;stroke-width:2}.axis{stroke-width:1}.echo{stroke:#c9822b}.pgbench{stroke:#5b8def}</style>"
  text(30, 28, "heading", "Requests a second through nginx, by connections")
  legend(52)
  for (i = 1; i <= call_count; i++)
    panel(calls[i], 30 + ((i - 1) % across) * (WIDTH + 30), 96 + int((i - 1) / across) * (HEIGHT + 95))
  text(30, tall - 10, "note", machine)
  print "</svg>"
}
