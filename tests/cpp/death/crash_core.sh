#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crash_core.sh PROGRAM: after the page a crash is the crash that it was (PROGRAM: death_test). A debugger sees the signal twice, the second time
# with our handler gone, at the same instruction; so does a core, where the kernel writes it to a file of its own name.
# Exit status: 0 passed, 1 failed, 77 skipped.
set -u

program=$1
if ! command -v gdb >/dev/null 2>&1; then
  echo 'SKIP: crash-core: gdb is not installed'
  exit 77
fi
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
failed=0

cat >"$place/commands" <<'COMMANDS'
set pagination off
handle SIGUSR1 nostop noprint pass
run
printf "first 0x%lx\n", (unsigned long)$pc
continue
printf "second 0x%lx\n", (unsigned long)$pc
bt
kill
COMMANDS
cat >"$place/look" <<'COMMANDS'
printf "core 0x%lx\n", (unsigned long)$pc
bt
COMMANDS

complain() {
  printf 'FAILED: %s: %s; gdb said:\n' "$1" "$2"
  head -n 60 "$place/output"
  failed=1
}

# check CASE FUNCTION: FUNCTION is in the backtrace of both. (By which signal a case ends, death_test itself looks.)
check() {
  gdb -nx -batch -iex 'set debuginfod enabled off' -x "$place/commands" --args "$program" --child "$1" >"$place/output" 2>&1
  first=$(sed -n 's/^first //p' "$place/output")
  second=$(sed -n 's/^second //p' "$place/output")
  [ -n "$first" ] && [ "$first" = "$second" ] || complain "$1" "the crash is at $first, and what ends the process at $second"
  grep -q "^#.*[ :]$2 (" "$place/output" || complain "$1" "no $2 in the backtrace"
  [ "$(grep -c '^causeway: crash: SIG' "$place/output")" -eq 1 ] || complain "$1" 'not one page'

  (cd "$place" && ulimit -c unlimited 2>/dev/null && "$program" --child "$1" 2>/dev/null)
  for core in "$place"/core*; do
    [ -f "$core" ] || continue
    cores=$((cores + 1))
    gdb -nx -batch -iex 'set debuginfod enabled off' -x "$place/look" "$program" "$core" >"$place/output" 2>&1
    grep -q "^#.*[ :]$2 (" "$place/output" || complain "$1" "no $2 in the core's backtrace"
    rm -f "$core"
  done
}

cores=0
check crash_in_c crash_here
check crash_in_managed_code crash_here
check crash_in_the_switch cw_arch_switch
check crash_in_a_handler crash_here
check crash_by_abort_below_three_callbacks crash_aborts
[ "$failed" -eq 0 ] && echo "crash-core: five crashes, $cores cores, each where it happened"
exit "$failed"
