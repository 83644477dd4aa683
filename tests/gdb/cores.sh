#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cores.sh TARGET CAUSEWAY.PY [SEEDS [FIRST]]: the commands of causeway.py on cores that were cut off, and on cores with damage at places that a seed
# chooses, in what the commands read. Each must end by itself, within a bound, with words and without a Python traceback (damage.py).
# Exit status: 0 passed, 1 failed, 77 skipped.
set -u
target=$1 script=$2 first=${4:-0} seeds=$((${3:-40} + ${4:-0}))
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v gdb >/dev/null 2>&1; then
  echo 'SKIP: gdb-cores: gdb is not installed'
  exit 77
fi
gdb -nx -batch -ex 'python print("yes")' 2>&1 | grep -q '^yes$' || { echo 'SKIP: gdb-cores: this gdb has no Python'; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $1"; head -n 30 "$2"; echo ...; tail -n 30 "$2"; failed=1; }

timeout -s KILL 120 gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' -x "$script" -ex 'break gdb_ready' -ex run \
  -ex "greenthread core $work/core" -ex kill "$target" >"$work/made" 2>&1
grep -q 'stacks of green threads are in' "$work/made" || { fail 'no core' "$work/made"; exit 1; }

# look <name> <seconds>: what the commands say of $work/core.
look() {
  timeout -s KILL "$2" gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' -x "$script" \
    -ex 'python print("-- list")' -ex 'info greenthreads' -ex 'python print("-- stacks")' -ex 'greenthread all bt' \
    -ex 'python print("-- one")' -ex 'greenthread 1' -ex bt -ex 'greenthread off' -ex 'python print("-- end")' "$target" "$work/core" >"$work/said" 2>&1
  status=$?
  if [ "$status" -ge 124 ]; then fail "$1: did not end, or gdb itself did (status $status)" "$work/said"; return; fi
  if ! grep -q '^-- end' "$work/said"; then fail "$1: stopped half way (status $status)" "$work/said"; return; fi
  if grep -q '^Traceback\|Error while executing Python\|Python Exception' "$work/said"; then fail "$1: a Python traceback" "$work/said"; return; fi
  # Words to each: a row, a frame or a reason.
  perl -0ne 'for my $part (qw(list stacks one)) { /^-- $part\n(.*?)^-- /ms && $1 =~ /\S/ or exit 1 } exit(length > 4_000_000)' "$work/said" ||
    fail "$1: nothing was said, or far too much" "$work/said"
  # One that cannot be shown keeps none of the others from being shown.
  perl -0ne '/^-- list\n(.*?)^-- stacks\n(.*?)^-- one/ms or exit 1; my ($list, $stacks) = ($1, $2);
    my $rows = () = $list =~ /^\d+ .* (?:parked|running|runnable|in C|state \d+)/mg; my $shown = () = $stacks =~ /^Green thread \d/mg; exit($shown < $rows)' "$work/said" ||
    fail "$1: fewer stacks than rows" "$work/said"
}

look whole 60
grep -q 'gdb_reader -- channel receive' "$work/said" || fail 'the whole core' "$work/said"

# Damage, written over the core and taken back: damage.py says what the commands read, and where in the file it is.
DAMAGE_CORE=$work/core DAMAGE_PLACES=$work/places timeout -s KILL 60 gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' -x "$script" \
  -x "$here/damage.py" "$target" "$work/core" >"$work/said" 2>&1
[ -s "$work/places" ] || fail 'damage.py' "$work/said"
cp "$work/core" "$work/good"
seed=$first
complained=0
while [ "$seed" -lt "$seeds" ] && [ "$failed" -eq 0 ]; do
  perl "$here/damage.pl" "$seed" "$work/places" "$work/core" >"$work/did" || { fail "seed $seed: damage.pl" "$work/did"; break; }
  look "seed $seed: $(head -n 1 "$work/did")" 60
  grep -q 'damaged\|cannot read\|cut off\|corrupt\|Cannot access\|not in its stack\|no record\|none: \|Backtrace stopped' "$work/said" && complained=$((complained + 1))
  cp "$work/good" "$work/core"
  seed=$((seed + 1))
done
echo "gdb-cores: $((seed - first)) damaged cores, $complained of them with a complaint"
[ $((seed - first)) -lt 20 ] || [ "$complained" -ge $(((seed - first) / 4)) ] || fail 'damage mostly goes unnoticed: is it where the commands read?' "$work/said"

# Cut off, shorter and shorter.
size=$(wc -c <"$work/core")
for percent in 99 90 75 60 50 40 30 20 10 5 1 0; do
  perl -e 'truncate $ARGV[0], $ARGV[1] or die "$!\n"' "$work/core" $((size / 100 * percent + 64)) || failed=1
  look "$percent % of the core" 60
done
exit "$failed"
