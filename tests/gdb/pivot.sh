#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pivot.sh PROGRAM: gdb shows one backtrace over three pivots, down and up, to main (PROGRAM: pivot.cc).
# Looked at once at a breakpoint, then at each instruction of the innermost pivot, there and back, where sp and the frame move.
# Exit status: 0 passed, 1 failed, 77 skipped.
set -u

program=$1
if ! command -v gdb >/dev/null 2>&1; then
  echo 'SKIP: gdb-pivot: gdb is not installed'
  exit 77
fi

commands=$(mktemp) || exit 1
trap 'rm -f "$commands"' EXIT
run_gdb() { gdb -nx -batch -iex 'set debuginfod enabled off' -x "$commands" "$program" 2>&1; }
failed=0

# At the innermost function: every frame, in order. gdb names a frame that changes stacks "<signal handler called>".
cat >"$commands" <<'COMMANDS'
break gdb_stop_here
run
bt
COMMANDS
output=$(run_gdb)
printf '%s\n' "$output" | awk '
  BEGIN {
    n = split("gdb_stop_here gdb_third_leg <signal cw_arch_pivot gdb_second_leg <signal cw_arch_pivot gdb_first_leg " \
              "<signal cw_arch_pivot main", names, " ")
    at = 1
  }
  /^#/ && at <= n && index($0, " " names[at] " ") { at++ }
  /Backtrace stopped/ { stopped = 1 }
  END {
    if (at <= n) print "missing: " names[at]
    exit at <= n || stopped
  }' || {
  printf 'FAILED: the backtrace at a breakpoint; gdb said:\n%s\n' "$output"
  failed=1
}

# 40 instructions from the start of the function that makes the innermost pivot: enough to go there and come back.
cat >"$commands" <<'COMMANDS'
break gdb_second_leg
run
set $step = 0
while $step < 40
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
    if (seen ~ / cw_arch_pivot/ && seen ~ / gdb_third_leg/) inside++
    whole = seen ~ / main \(/ && !stopped
    if (seen ~ / gdb_third_leg/ && seen !~ / gdb_second_leg/) whole = 0
    if (seen ~ / gdb_second_leg/ && seen !~ / gdb_first_leg/) whole = 0
    if (!whole) { print "not whole, after " total " instructions:\n" seen; bad++ }
    seen = ""; stopped = 0
  }
  END {
    print total " backtraces, " inside " of them on the innermost stack, " bad + 0 " not whole"
    exit total != 40 || inside < 5 || bad
  }' || {
  echo 'FAILED: the backtraces at each instruction'
  [ -n "$output" ] && printf '%s\n' "$output" | head -n 40
  failed=1
}

[ "$failed" -eq 0 ] && echo 'gdb-pivot: every backtrace reached main'
exit "$failed"
