#!/bin/sh
# SPDX-License-Identifier: MIT
#
# stock.sh PROGRAM: gdb without any script shows one backtrace from C over a green thread's callback and call out to the green thread that
# called first (PROGRAM: target.cc), at a breakpoint and at each instruction of a call in that leads to a call out, there and back.
# Exit status: 0 passed, 1 failed, 77 skipped.
set -u
program=$1
if ! command -v gdb >/dev/null 2>&1; then
  echo 'SKIP: gdb-stock: gdb is not installed'
  exit 77
fi
commands=$(mktemp) || exit 1
trap 'rm -f "$commands"' EXIT
run_gdb() { timeout -s KILL 100 gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' -x "$commands" --args "$program" spin 2>&1; }
failed=0

cat >"$commands" <<'COMMANDS'
break gdb_stop_here
run
bt
COMMANDS
output=$(run_gdb)
printf '%s\n' "$output" | awk '
  BEGIN {
    n = split("gdb_stop_here gdb_c_innermost <signal gdb_inner <signal gdb_c_between <signal gdb_outer cw_arch_start", names, " ")
    at = 1
  }
  /^#/ && at <= n && (index($0, " " names[at] " ") || index($0, " " names[at] "(")) { at++ }
  /Backtrace stopped/ { stopped = 1 }
  END {
    if (at <= n) print "missing: " names[at]
    exit at <= n || stopped
  }' || {
  printf 'FAILED: the backtrace at a breakpoint; gdb said:\n%s\n' "$output"
  failed=1
}

# From C that is about to call back, through the crossing, into the callback and on to C: gdb_outer stays in sight. The first call in is on
# the long way, so a breakpoint at its target takes us to the end of it, and the steps go on from there.
cat >"$commands" <<'COMMANDS'
break gdb_c_between
run
set $step = 0
while $step < 60
  stepi
  bt
  echo end of backtrace\n
  set $step = $step + 1
end
break gdb_inner
continue
set $step = 0
while $step < 140
  stepi
  bt
  echo end of backtrace\n
  set $step = $step + 1
end
COMMANDS
output=$(run_gdb)
printf '%s\n' "$output" | awk '
  /^#/ { seen = seen $0 "\n" }
  /Backtrace stopped/ { stopped = 1 }
  /^end of backtrace/ {
    total++
    if (seen ~ / gdb_inner/ && seen ~ /<signal/) inside++
    if (seen ~ / gdb_c_innermost/) deeper++
    whole = seen ~ / gdb_outer/ && seen ~ / gdb_c_between/ && !stopped
    if (seen ~ / gdb_c_innermost/ && seen !~ / gdb_inner/) whole = 0
    if (!whole) { print "not whole, after " total " instructions:\n" seen; bad++ }
    seen = ""; stopped = 0
  }
  END {
    print total " backtraces, " inside " of them in the callback, " deeper " in C below it, " bad + 0 " not whole"
    exit total != 200 || inside < 50 || deeper < 5 || bad
  }' || {
  echo 'FAILED: the backtraces at each instruction'
  printf '%s\n' "$output" | tail -n 40
  failed=1
}
[ "$failed" -eq 0 ] && echo 'gdb-stock: every backtrace reached the green thread that called first'
exit "$failed"
