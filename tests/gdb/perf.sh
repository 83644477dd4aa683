#!/bin/sh
# SPDX-License-Identifier: MIT
#
# perf.sh PROGRAM: a profile by frame pointers shows one stack from C over a callback to the green thread that called first (target.cc).
# Exit status: 0 passed, 1 failed, 77 skipped: no perf, or the kernel does not let us.
set -u
program=$1
skip() { echo "SKIP: perf: $1"; exit 77; }
command -v perf >/dev/null 2>&1 || skip 'perf is not installed'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
timeout -s KILL 30 perf record -q -e cpu-clock -F 499 --call-graph fp -o "$work/probe" true >"$work/log" 2>&1 && [ -s "$work/probe" ] ||
  skip "perf may not record here: $(head -n 1 "$work/log")"
timeout -s KILL 60 perf record -q -e cpu-clock -F 499 --call-graph fp -o "$work/data" "$program" spin >"$work/log" 2>&1 || {
  echo "FAILED: perf record"; cat "$work/log"; exit 1
}
timeout -s KILL 60 perf script -i "$work/data" -F ip,sym 2>"$work/log" >"$work/script" || {
  echo "FAILED: perf script"; cat "$work/log"; exit 1
}
# One stack to a paragraph, the innermost function first. Frame records show callers of functions that have begun, and the loop runs long.
awk 'BEGIN { RS = "" }
  / gdb_c_innermost/ {
    total++
    a = index($0, " gdb_c_innermost"); b = index($0, " gdb_inner"); c = index($0, " gdb_c_between"); d = index($0, " gdb_outer")
    if (a < b && b < c && c < d) whole++
    else if (bad++ == 0) print "not whole:\n" $0
  }
  END {
    print total + 0 " samples in C below the callback, " whole + 0 " with all four functions"
    exit total < 10 || whole < total * 9 / 10
  }' "$work/script" || { echo 'FAILED: the stacks of the profile'; head -n 60 "$work/script"; exit 1; }
