# SPDX-License-Identifier: MIT
#
# Debian packages: which ones a task needs, and how they are installed. Sourced by dev and .ci/run.
# Only what is missing is installed, nothing is ever removed, and each command is shown before it runs.

# The Boost that can be had without removing anything: the 1.81 -dev packages conflict with every 1.74 one.
boost_version() {
  if dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'libboost*1.74-dev' 2>/dev/null | grep -q '^installed '; then
    echo 1.74
  else
    echo 1.81
  fi
}

packages_native() {
  echo "g++ meson ninja-build pkg-config libspdlog-dev libffi-dev libdw-dev doctest-dev libbenchmark-dev libboost-context$(boost_version)-dev"
}
# For build/default, which is configured once and serves demo, build and test: also what the examples use.
packages_default() { echo "$(packages_native) libsqlite3-dev"; }
packages_bench() { echo "$(packages_native) libboost-fiber$(boost_version)-dev"; }
# Continuous integration: also the debugger that some tests drive, and cmake for the installed package.
packages_ci() { echo "$(packages_default) gdb cmake make"; }
packages_clang() { echo "$(packages_ci) clang-19 lld-19 libclang-rt-19-dev llvm-19"; }
packages_lint() { echo "$(packages_native) clang-19 clang-tidy-19 clang-format-19"; }
packages_arm64() {
  echo "$(packages_native) g++-aarch64-linux-gnu qemu-user" \
    "libspdlog-dev:arm64 libffi-dev:arm64 libdw-dev:arm64 libbenchmark-dev:arm64 libboost-context$(boost_version)-dev:arm64"
}

package_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1)" = installed ]
}

missing_packages() {
  for package in "$@"; do
    package_installed "$package" || printf '%s ' "$package"
  done
}

# Runs a command as root; says it first.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    say "+ $*"
    env DEBIAN_FRONTEND=noninteractive "$@"
  elif command -v sudo >/dev/null 2>&1; then
    say "+ sudo $*"
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else
    die "needs root, and there is no sudo; as root run:" "$*"
  fi
}

# need <what for> <package>...: installs what is missing. Elsewhere than on Debian the tools themselves are looked for by Meson.
need() {
  purpose=$1
  shift
  command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 || return 0
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "$purpose needs packages that are not installed: $missing"
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
    die "you are not root and there is no sudo. As root run:" \
      "apt-get update && apt-get install --no-remove --no-install-recommends $missing"
  fi
  case "$missing" in
    *:arm64*) dpkg --print-foreign-architectures | grep -qx arm64 || as_root dpkg --add-architecture arm64 ;;
  esac
  as_root apt-get -q -o DPkg::Lock::Timeout=300 update || say "apt-get update failed; trying with the lists that are there"
  # shellcheck disable=SC2086 # a list of words
  as_root apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-remove --no-install-recommends $missing ||
    die "could not install: $missing"
}
