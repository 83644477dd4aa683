// SPDX-License-Identifier: MIT
//
// Risk: an object on a stack or a heap taken for a static one, whose misuse is then not reported; or a static one not known.
#include "runtime/os/static_storage.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <thread>

namespace causeway::os {
namespace {

int initialised = 7;
int zeroed;

TEST_CASE("static_storage: a module's variables are static, what is on a stack or a heap is not") {
  static int local = 7;
  CHECK(in_static_storage(&initialised));
  CHECK(in_static_storage(&zeroed));
  CHECK(in_static_storage(&local));
  int automatic = 7;
  CHECK_FALSE(in_static_storage(&automatic));
  CHECK_FALSE(in_static_storage(std::make_unique<int>(7).get()));
  std::thread([] {
    int on_its_stack = 7;
    CHECK_FALSE(in_static_storage(&on_its_stack));
  }).join();
}

}  // namespace
}  // namespace causeway::os
