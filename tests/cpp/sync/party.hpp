// SPDX-License-Identifier: MIT
//
// What the tests of meeting points share: parties that are green threads or plain OS threads, in every mix, and waiting with a deadline.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "causeway/causeway.hpp"
#include "doctest/doctest.h"

namespace sync_test {

using namespace std::chrono_literals;

enum class Kind { Green, Thread };

inline const char* name(Kind kind) { return kind == Kind::Green ? "green" : "thread"; }

// Runs a function on a party of its own; the destructor waits for its end.
class Party {
 public:
  Party(Kind kind, std::function<void()> body) {
    if (kind == Kind::Green) green_.emplace(causeway::spawn(std::move(body)));
    else thread_.emplace(std::move(body));
  }
  Party(Party&&) = default;
  ~Party() { join(); }
  void join() {
    if (green_ && green_->joinable()) green_->join();
    if (thread_ && thread_->joinable()) thread_->join();
  }

 private:
  std::optional<causeway::task<void>> green_;
  std::optional<std::thread> thread_;
};

// Two processors: the least at which green threads run at one time, whatever the machine has.
class Runtime {
 public:
  Runtime() : runtime_(causeway::options{.processors = 2}) {}
  // Nothing may be left: neither green threads nor somebody who waits for them.
  ~Runtime() {
    const cw_status status = runtime_.stop(20s);
    CHECK_MESSAGE(status == CW_OK, cw_last_error());
  }

 private:
  causeway::runtime runtime_;
};

// Calls body(first, second) for all four mixes.
template <class Body>
void for_each_mix(Body body) {
  for (const Kind first : {Kind::Green, Kind::Thread}) {
    for (const Kind second : {Kind::Green, Kind::Thread}) {
      CAPTURE(name(first));
      CAPTURE(name(second));
      body(first, second);
    }
  }
}

// Yields until the condition holds. False after 20 s: far longer than anything here takes on a loaded machine.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    causeway::this_green::yield();
  }
  return true;
}

// Runs something that must throw causeway::error, and gives its status; CW_OK if it did not.
template <class Body>
cw_status status_of(Body body) {
  try {
    body();
  } catch (const causeway::error& e) { return e.status(); }
  return CW_OK;
}

}  // namespace sync_test
