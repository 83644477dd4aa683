#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs the planted faults of a sanitizer build and looks for the reports: run.sh PROGRAM address|thread
set -u
program=$1
failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# expect CASE found|clean [PATTERN...]: every pattern must stand in the output; `clean` wants status 0 and no report.
expect() {
  name=$1
  want=$2
  shift 2
  "$program" "$name" >"$out" 2>&1
  status=$?
  good=yes
  if [ "$want" = found ] && [ $status -eq 0 ]; then good=no; fi
  if [ "$want" = clean ] && { [ $status -ne 0 ] || grep -q 'Sanitizer' "$out"; }; then good=no; fi
  for pattern in "$@"; do grep -q "$pattern" "$out" || good=no; done
  if [ $good = yes ]; then
    echo "ok $name"
  else
    echo "FAILED $name: status $status, wanted $want $*"
    cat "$out"
    failed=$((failed + 1))
  fi
}

case "$2" in
  address)
    expect overflow found 'AddressSanitizer: stack-buffer-overflow' '#0 .*overflow_here'
    expect argument found 'AddressSanitizer: heap-use-after-free' '#0 .*read_argument_here'
    expect lent clean
    ;;
  thread)
    expect race found 'ThreadSanitizer: data race' 'add_here'
    expect mutex clean 'sum 4000'
    ;;
esac
exit $failed
