# SPDX-License-Identifier: MIT
#
# Configure, build, test: one build folder per variant, build/<variant>. Sourced by dev and .ci/run.

JOBS=${CAUSEWAY_JOBS:-$(nproc 2>/dev/null || echo 2)}
ALL_SUITES="unit c-api death oom interleave stress headers layers symbols install bench-smoke examples"
SAN_SUITES="unit c-api death interleave stress"

# Enough for tracebacks with lines, and a fifth less to compile.
LINES_ONLY="-Ddebug=false -Dc_args=-g1 -Dcpp_args=-g1"

# What belongs to each variant beyond the defaults: the compiler and the Meson options.
variant_options() {
  case "$1" in
    default) echo "-Dbench=true" ;;
    bench) echo "-Dbench=true -Dtests=false -Dexamples=false -Dbuildtype=release -Db_lto=true" ;;
    install) echo "-Dtests=false -Dexamples=false -Dbuildtype=release -Db_lto=true" ;;
    clang) echo "$LINES_ONLY" ;;
    san-address) echo "-Db_sanitize=address,undefined -Db_lundef=false" ;;
    san-thread) echo "-Db_sanitize=thread -Db_lundef=false" ;;
    arm64) echo "--cross-file tools/cross/aarch64.ini $LINES_ONLY" ;;
    portable) echo "-Dcpu=portable $LINES_ONLY" ;;
    lto) echo "-Db_lto=true $LINES_ONLY" ;;
    *) die "no such build variant: $1" ;;
  esac
}

variant_compiler() {
  case "$1" in
    clang | san-*) echo "CC=clang-19 CXX=clang++-19 CC_LD=lld CXX_LD=lld" ;;
    arm64) echo "" ;;
    *) echo "CC=${CC:-gcc} CXX=${CXX:-g++}" ;;
  esac
}

# configure <variant> [meson option...]
configure() {
  variant=$1
  shift
  dir=build/$variant
  if [ -f "$dir/build.ninja" ]; then
    [ $# -eq 0 ] || meson configure "$dir" "$@" >"$dir/configure.log" 2>&1 || { cat "$dir/configure.log" >&2; return 1; }
    return 0
  fi
  rm -rf "$dir"
  mkdir -p build
  say "configuring $dir"
  # shellcheck disable=SC2046 # lists of words
  env $(variant_compiler "$variant") meson setup "$dir" $(variant_options "$variant") "$@" >"build/$variant.configure.log" 2>&1 && return 0
  cat "build/$variant.configure.log" >&2
  rm -rf "$dir"
  return 1
}

# build <variant> [target...]: a terminal gets ninja's own moving line, a log gets a line per tenth.
build() {
  variant=$1
  shift
  dir=build/$variant
  say "building $dir"
  if [ -t 1 ]; then
    ninja -C "$dir" -j "$JOBS" "$@"
    return
  fi
  status_file=$dir/build.status
  { NINJA_STATUS='[%f/%t] ' ninja -C "$dir" -j "$JOBS" "$@" 2>&1; echo $? >"$status_file"; } | build_progress
  return "$(cat "$status_file")"
}

build_progress() {
  shown=0
  while IFS= read -r line; do
    case "$line" in
      "["[0-9]*/[0-9]*"] "*)
        done_steps=${line#\[}
        done_steps=${done_steps%%/*}
        all_steps=${line#*/}
        all_steps=${all_steps%%]*}
        tenth=$((done_steps * 10 / all_steps))
        [ "$tenth" -le "$shown" ] || { shown=$tenth; say "  $done_steps of $all_steps steps"; }
        ;;
      "ninja: Entering directory"*) ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
}

# run_tests <variant> <label> <suites> [meson test argument...]: runs, shows the log of each failure, then one line of sums.
# The sums also go to build/tally/<label>, where .ci/run adds them up, and what failed to build/tally/failures/<label>.
run_tests() {
  variant=$1 label=$2 suites=$3
  shift 3
  dir=build/$variant
  mkdir -p build/tally/failures
  suite_args=
  for suite in $suites; do suite_args="$suite_args --suite $suite"; done
  rm -f "$dir/meson-logs/testlog.json"
  # shellcheck disable=SC2086 # a list of words
  meson test -C "$dir" --no-rebuild --num-processes "$JOBS" --print-errorlogs $suite_args "$@"
  perl tools/tally.pl --label "$label" --expect "$suites" --out "build/tally/$label" --failures "build/tally/failures/$label" --exit $? "$dir/meson-logs/testlog.json"
}

FUZZ_TARGETS="signature callback"

# fuzz_programs: what to build for them.
fuzz_programs() {
  for target in $FUZZ_TARGETS; do printf 'tests/fuzz/%s_fuzz\n' "$target"; done
}

# fuzz_options <target> [longest]: the looks for leaks after single inputs take most of the time with threads around; the one at the end stays.
fuzz_options() {
  case "$1" in
    callback) echo "-max_len=512 -detect_leaks=0" ;;
    *) echo "-max_len=${2:-4200} -dict=tests/fuzz/$1.dict" ;;
  esac
}

# run_fuzz <target> <seconds>: from the kept inputs on. What is found goes to build/fuzz: new inputs, and the one that failed.
run_fuzz() {
  target=$1 seconds=$2
  kept=tests/fuzz/corpus/$target found=build/fuzz/$target
  mkdir -p "$found"
  log=build/fuzz/$target.log
  # shellcheck disable=SC2046 # a list of words
  if "build/san-address/tests/fuzz/${target}_fuzz" -max_total_time="$seconds" $(fuzz_options "$target") -timeout=10 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$target-" "$found" "$kept" >"$log" 2>&1; then
    say "fuzz $target: $(grep -o 'number_of_executed_units: [0-9]*' "$log" | grep -o '[0-9]*$') inputs in $seconds s, nothing found"
    return 0
  fi
  tail -n 60 "$log"
  say "fuzz $target: FAILED; the input is build/fuzz/$target-*, run it again with" "  build/san-address/tests/fuzz/${target}_fuzz <file>"
  return 1
}
