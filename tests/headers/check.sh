#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each header alone: one that leans on what its includer happened to include before does not compile here.
# Every header as C++20; the public .h also as C11. Headers of the other CPUs are left out.
#
#   check.sh <source root> <cpu> <c++ compiler and flags, one string> <c compiler and flags, one string>
set -u
root=$1 cpu=$2 cxx=$3 cc=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# compile_one <language> <header>: silent when it compiles, else the header's name and the errors.
cat >"$work/one" <<'EOF'
#!/bin/sh
case "$1" in
  c++) compiler="$CXX_LINE -x c++" ;;
  c) compiler="$CC_LINE -x c" ;;
esac
echo "#include \"$2\"" | $compiler -fsyntax-only -I "$ROOT" -I "$ROOT/include" - >"$3" 2>&1 && rm -f "$3"
exit 0
EOF
chmod +x "$work/one"
export CXX_LINE="$cxx" CC_LINE="$cc" ROOT="$root"

# The check itself: a planted header that leans on <string> must not compile.
echo 'inline std::string planted() { return {}; }' >"$work/planted.hpp"
"$work/one" c++ "$work/planted.hpp" "$work/planted.log"
[ -f "$work/planted.log" ] || { echo "the planted header compiled: the check is blind"; exit 1; }

cd "$root" || exit 1
find include arch runtime bridge -name '*.h' -o -name '*.hpp' | sort | grep -v '^arch/[^/]*/' >"$work/headers"
find "arch/$cpu" -name '*.h' -o -name '*.hpp' 2>/dev/null | sort >>"$work/headers"
count=0
while read -r header; do
  case "$header" in include/*) name=${header#include/} ;; *) name=$header ;; esac
  count=$((count + 1))
  echo "c++ $name $work/$count.log"
  case "$header" in include/*.h) count=$((count + 1)); echo "c $name $work/$count.log" ;; esac
done <"$work/headers" >"$work/list"
xargs -P 2 -n 3 "$work/one" <"$work/list"

failed=0
while read -r language header log; do
  [ -f "$log" ] || continue
  failed=$((failed + 1))
  echo "FAILED alone as $language: $header"
  head -n 20 "$log"
done <"$work/list"
total=$(wc -l <"$work/list")
echo "$total compiles, $failed failed"
[ "$failed" -eq 0 ] && [ "$total" -gt 0 ]
