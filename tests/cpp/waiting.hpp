// SPDX-License-Identifier: MIT
//
// What tests of several layers share: waiting for a condition with a deadline, and what a call threw.
#pragma once

#include <chrono>
#include <thread>

#include "causeway/causeway.hpp"

namespace waiting {

// Far longer than anything takes on a loaded machine under a sanitizer or an emulator.
inline constexpr auto kLimit = std::chrono::seconds(60);

// Yields until the condition holds. False: not within the limit.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    causeway::this_green::yield();
    if (cw_on_green() == 0) std::this_thread::yield();
  }
  return true;
}

// What a call that must throw causeway::error threw; CW_OK if it did not.
template <class Body>
cw_status status_of(Body body) {
  try {
    body();
  } catch (const causeway::error& e) { return e.status(); }
  return CW_OK;
}

}  // namespace waiting
