# The failed tests of a log, each with its reasons: of CUnit's programs, of scripts that say "FAIL name" with the reason below it,
# indented, and of sanitizers and valgrind.

BEGIN { REPORTS_MAX = 10 }

# CUnit, saying each test: "Suite: S", "  Test: T ...FAILED", with what the test prints in between.
/^Suite: / { suite = substr($0, 8) }
/^  Test: / {
  test = $0
  sub(/^  Test: /, "", test)
  sub(/ \.\.\..*/, "", test)
}
/FAILED$/ && test != "" {
  print suite ": " test
  reasons = 1
  next
}

# CUnit, saying failures only.
/^Suite .*, Test .* had failures:$/ {
  sub(/^Suite /, "")
  sub(/, Test /, ": ")
  sub(/ had failures:$/, "")
  print
  reasons = 1
  next
}

/^FAIL / {
  print substr($0, 6)
  reasons = 1
  next
}

/ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: |^==[0-9]+== .*(Invalid|uninitialised|definitely lost)|Assertion .* failed/ {
  if (++reports <= REPORTS_MAX)
    print
  next
}

reasons && /^ *[0-9]+\. |^    / { print "   " $0; next }
{ reasons = 0 }
