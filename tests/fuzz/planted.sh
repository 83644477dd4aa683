#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a fuzzer on a library with a planted fault, without kept inputs: planted.sh PROGRAM. It must find a difference; what a
# sanitizer says does not count, since that needs no model.
set -u
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
"$1" -seed=1 -max_total_time=60 -max_len=512 -detect_leaks=0 -artifact_prefix="$out/" >"$out/log" 2>&1
if grep '^not true: ' "$out/log"; then exit 0; fi
echo "FAILED: the fault was not found"
tail -n 40 "$out/log"
exit 1
