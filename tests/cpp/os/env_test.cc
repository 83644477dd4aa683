// SPDX-License-Identifier: MIT
//
// Guards: a variable that is not seen. The AT_SECURE half needs a set-user-id program; here it is only told apart from a plain process.
#include "runtime/os/env.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

using namespace causeway;

TEST_CASE("a variable is seen when it is set") {
  CHECK(os::env("CAUSEWAY_TEST_NO_SUCH_VARIABLE") == nullptr);
  setenv("CAUSEWAY_TEST_VARIABLE", "value", 1);
  REQUIRE(os::env("CAUSEWAY_TEST_VARIABLE") != nullptr);
  CHECK(std::string_view(os::env("CAUSEWAY_TEST_VARIABLE")) == "value");
  unsetenv("CAUSEWAY_TEST_VARIABLE");
  CHECK(os::env("CAUSEWAY_TEST_VARIABLE") == nullptr);
}

TEST_CASE("this process runs with its starter's rights") {
  CHECK(os::secure_process() == (geteuid() != getuid() || getegid() != getgid()));
}
