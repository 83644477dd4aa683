#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The checks of coroutine-host must be able to fail: with wrong answers planted it ends with status 1, and says which check it was.
#
#   notices.sh <coroutine-host>
set -u
output=$("$1" --json --seconds 1 --fault)
status=$?
printf '%s\n' "$output"
[ "$status" -eq 1 ] || { echo "status $status, wanted 1"; exit 1; }
case "$output" in
  *'"first_failure": "ask: the answer"'*) exit 0 ;;
esac
echo "the report does not name the check"
exit 1
