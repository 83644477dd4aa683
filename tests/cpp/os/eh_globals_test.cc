// SPDX-License-Identifier: MIT
//
// Guards: two words that are not the ones the C++ runtime counts with.
#include "runtime/os/eh_globals.hpp"

#include <doctest/doctest.h>

#include <exception>
#include <thread>

#include "runtime/os/os.hpp"

using namespace causeway;

namespace {

struct Words {
  void* caught;
  unsigned uncaught;
};

// Looks while an exception is in flight.
struct Looker {
  unsigned* seen;
  ~Looker() { *seen = static_cast<Words*>(os::eh_globals())->uncaught; }
};

}  // namespace

TEST_CASE("the words show an exception in flight and one that is being handled") {
  auto* words = static_cast<Words*>(os::eh_globals());
  REQUIRE(words != nullptr);
  CHECK(words->caught == nullptr);
  CHECK(words->uncaught == 0);
  unsigned in_flight = 0;
  try {
    Looker looker{&in_flight};
    throw 1;
  } catch (int) {
    CHECK(words->caught != nullptr);
    CHECK(words->uncaught == 0);
  }
  CHECK(in_flight == 1);
  CHECK(words->caught == nullptr);
}

TEST_CASE("the address is constant in a thread and another one elsewhere") {
  void* const mine = os::eh_globals();
  CHECK(os::eh_globals() == mine);
  std::thread([&] { CHECK(os::eh_globals() != mine); }).join();
}
