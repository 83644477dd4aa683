#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs an example and compares what it prints with what it should.
#
#   check_output.sh <program> <file with the output>
set -eu
output=$("$1") || { echo "$output"; echo "$1 ended with status $?"; exit 1; }
[ "$output" = "$(cat "$2")" ] && exit 0
printf 'printed:\n%s\nwanted:\n%s\n' "$output" "$(cat "$2")"
exit 1
