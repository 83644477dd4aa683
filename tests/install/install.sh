#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs into an empty folder, then builds and runs programs against it as a user would: pkg-config with the shared library,
# pkg-config --static with the archive, and the CMake package where there is a cmake. gdb, where it is, finds its script.
#
#   install.sh <build folder> <this folder> <prefix>     CC and CXX name the compilers
set -eu
build=$1 here=$2 prefix=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$work/root"
root=$work/root$prefix
pc=$(find "$root" -name causeway.pc)
[ -n "$pc" ] || { echo "no causeway.pc was installed"; exit 1; }
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$work/root"

echo "== pkg-config, shared library"
# shellcheck disable=SC2046,SC2086 # lists of words
$CC -std=c11 "$here/user.c" -o "$work/c" $(pkg-config --cflags --libs causeway)
LD_LIBRARY_PATH=$libdir "$work/c"
$CXX -std=c++20 "$here/user.cc" -o "$work/cc" $(pkg-config --cflags --libs causeway)
LD_LIBRARY_PATH=$libdir "$work/cc"

echo "== pkg-config, archive"
$CC -std=c11 "$here/user.c" -o "$work/static" $(pkg-config --cflags causeway) "$libdir/libcauseway.a" \
  $(pkg-config --libs --static causeway | sed 's/-lcauseway//g')
"$work/static"

if command -v cmake >/dev/null 2>&1; then
  echo "== CMake package"
  cmake -S "$here" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$root" -DCMAKE_CXX_STANDARD=20 >"$work/cmake.log" 2>&1 &&
    cmake --build "$work/cmake" >>"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
  "$work/cmake/user_c"
  "$work/cmake/user_cc"
fi

if command -v gdb >/dev/null 2>&1; then
  echo "== gdb loads the script with the library"
  LD_LIBRARY_PATH=$libdir timeout -s KILL 60 gdb -nx -batch -iex 'set debuginfod enabled off' -iex "add-auto-load-safe-path $work/root" \
    -iex "add-auto-load-scripts-directory $root/share/gdb/auto-load" -ex 'break cw_runtime_stop' -ex run -ex 'info greenthreads' "$work/c" >"$work/gdb.log" 2>&1 || true
  grep -q '^no green threads (the runtime is running)' "$work/gdb.log" || { cat "$work/gdb.log"; exit 1; }
fi
