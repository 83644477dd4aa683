#!/bin/sh
# SPDX-License-Identifier: MIT
#
# script.sh TARGET LIBRARY CAUSEWAY.PY: the commands of causeway.py, on a process that gdb started, on one that it attached to, on a core, with a
# stripped library, and where there is nothing to see. What they must say: check.py.
# Exit status: 0 passed, 1 failed, 77 skipped.
set -u
target=$1 library=$2 script=$3
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v gdb >/dev/null 2>&1; then
  echo 'SKIP: gdb-script: gdb is not installed'
  exit 77
fi
gdb -nx -batch -ex 'python print("yes")' 2>&1 | grep -q '^yes$' || { echo 'SKIP: gdb-script: this gdb has no Python'; exit 77; }
work=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $1"; [ -z "${2-}" ] || tail -n 60 "$2"; failed=1; }
# run_gdb <name> [argument...]: output in $work/<name>
run_gdb() {
  name=$1
  shift
  CHECK_NAME=$name timeout -s KILL 120 gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' "$@" >"$work/$name" 2>&1
}

CHECK_CORE=$work/core.file run_gdb live -x "$script" -ex 'break gdb_ready' -ex run -x "$here/check.py" "$target" || fail 'a process' "$work/live"
run_gdb core -x "$script" -x "$here/check.py" "$target" "$work/core.file" || fail 'a core' "$work/core"

mkfifo "$work/input"
: >"$work/said"
"$target" <"$work/input" >"$work/said" &
pid=$!
exec 3>"$work/input"
n=0
until grep -q ready "$work/said" || [ "$n" -ge 600 ]; do sleep 0.1; n=$((n + 1)); done
if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ] || [ "$(id -u)" -eq 0 ]; then
  run_gdb attach -p "$pid" -x "$script" -x "$here/check.py" || fail 'an attached process' "$work/attach"
fi
exec 3>&-
rm -f "$work/input"
wait "$pid" || fail 'the process that gdb had been attached to did not go on'
pid=

# A library without symbols and debug information, and one whose table is of another version.
mkdir "$work/stripped" "$work/other"
strip -o "$work/stripped/libcauseway.so.0" "$library"
for folder in stripped other; do
  [ "$folder" = other ] && perl -e 'local $/; $_ = <STDIN>; s/CWLAYOUT\K..../\x63\0\0\0/s or exit 1; print' <"$library" >"$work/other/libcauseway.so.0"
  [ "$folder" = stripped ] && name=without || name=version
  run_gdb "$name" -x "$script" -ex "set environment LD_LIBRARY_PATH $work/$folder" -ex 'break gdb_ready' -ex run \
    -ex 'info greenthreads' -ex 'greenthread all bt' "$target"
done
grep -q 'gdb_reader -- channel receive 0x' "$work/without" || fail 'the list with a stripped library' "$work/without"
[ "$(grep -c 'calls C: gdb_c_between>' "$work/without")" -ge 2 ] || fail 'the marks with a stripped library' "$work/without"
grep -q 'has layout version 99, this script reads version 1: source the causeway.py' "$work/version" || fail 'another version' "$work/version"

run_gdb early -x "$script" -ex 'break main' -ex 'info greenthreads' -ex run -ex 'info greenthreads' -ex 'greenthread 1 bt' "$target"
[ "$(grep -c 'the runtime does not run in this process' "$work/early")" = 2 ] || fail 'before the start' "$work/early"
grep -q 'no libcauseway is loaded here' "$work/early" || fail 'before the program runs' "$work/early"
run_gdb nobody -x "$script" -ex 'info greenthreads' -ex 'greenthread 1 bt'
[ "$(grep -c 'no libcauseway is loaded here' "$work/nobody")" = 2 ] || fail 'without a program' "$work/nobody"
if grep -l '^Traceback\|Python Exception' "$work"/* 2>/dev/null; then fail 'a Python traceback'; fi

grep -h 'complaints$' "$work/live" "$work/core" "$work/attach" 2>/dev/null
exit "$failed"
