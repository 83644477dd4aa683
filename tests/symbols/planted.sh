#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Proves that tls.pl is not blind: planted reads next to a switch turn it red at -O2, in a position independent library, and
# with link-time optimisation where the read comes from another file; a switch without a read stays green.
#
#   planted.sh <folder of this file> <objdump> <c++ compiler...>
set -eu
here=$1 objdump=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-std=c++20 -O2 -fPIC -fno-plt -fvisibility=hidden"

# shellcheck disable=SC2086 # a list of words
compile() { "$@" $flags; }
tls() { perl "$here/tls.pl" "$objdump" "$@" >"$work/log" || { cat "$work/log"; return 1; }; }

compile "$@" -c "$here/planted_tls.cc" -o "$work/near.o"
compile "$@" -c -ftls-model=initial-exec "$here/planted_tls.cc" -o "$work/initial.o"
compile "$@" -c -DPLANTED_CLEAN_ONLY "$here/planted_tls.cc" -o "$work/clean.o"
tls --expect-red planted_near "$work/near.o"
tls --expect-red planted_near "$work/initial.o"
tls "$work/clean.o"
if tls --expect-red planted_clean "$work/near.o" >/dev/null; then
  echo "planted_clean was found guilty"
  exit 1
fi

# Link-time optimisation: planted_far() is clean before the link and guilty after it.
if tls --expect-red planted_far "$work/near.o" >/dev/null; then
  echo "planted_far is guilty without link-time optimisation: the proof below would prove nothing"
  exit 1
fi
echo 'extern "C" void* cw_arch_switch(void**, void*, void* value) { return value; }' | compile "$@" -x c++ -c - -o "$work/switch.o"
compile "$@" -shared -flto "$here/planted_tls.cc" "$here/planted_tls_far.cc" "$work/switch.o" -o "$work/libfar.so"
tls --expect-red planted_far "$work/libfar.so"
echo "planted_near is red at -O2, planted_far with link-time optimisation only, planted_clean is green"
