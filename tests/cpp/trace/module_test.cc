// SPDX-License-Identifier: MIT
//
// Guards: an address that is booked to the wrong module or offset.
#include "runtime/trace/module.hpp"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "runtime/trace/trace.hpp"

using namespace causeway;

namespace {

int in_this_program;

std::string program() {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  const std::string whole(path, n > 0 ? static_cast<size_t>(n) : 0);
  return whole.substr(whole.rfind('/') + 1);
}

}  // namespace

TEST_CASE("an address of a library is named with the offset that the loader would give") {
  const auto address = reinterpret_cast<uintptr_t>(dlsym(RTLD_DEFAULT, "getenv"));
  const trace::Module module = trace::module_of(address);
  Dl_info info{};
  REQUIRE(dladdr(reinterpret_cast<void*>(address), &info) != 0);
  REQUIRE(module.known);
  const std::string path = info.dli_fname;
  CHECK(module.name == path.substr(path.rfind('/') + 1));
  CHECK(module.offset == address - reinterpret_cast<uintptr_t>(info.dli_fbase));
}

TEST_CASE("an address of the program has the program's own name") {
  trace::remember_program_name();
  const trace::Module module = trace::module_of(reinterpret_cast<uintptr_t>(&in_this_program));
  REQUIRE(module.known);
  CHECK(module.name == program());
  Dl_info info{};
  REQUIRE(dladdr(&in_this_program, &info) != 0);
  CHECK(module.offset == reinterpret_cast<uintptr_t>(&in_this_program) - reinterpret_cast<uintptr_t>(info.dli_fbase));
}

TEST_CASE("what is in no module is not known") {
  for (const uintptr_t address : {uintptr_t{0}, uintptr_t{1}, UINTPTR_MAX, reinterpret_cast<uintptr_t>(__builtin_frame_address(0))}) {
    CAPTURE(address);
    const trace::Module module = trace::module_of(address);
    CHECK_FALSE(module.known);
    CHECK(module.name == "?");
  }
}
