// SPDX-License-Identifier: MIT
//
// What the tests of meeting points share: parties that are green threads or plain OS threads, in every mix, and a look into the objects.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "causeway/causeway.hpp"
#include "doctest/doctest.h"
#include "tests/cpp/waiting.hpp"

namespace sync_test {

using namespace std::chrono_literals;
using waiting::eventually;
using waiting::kLimit;
using waiting::status_of;

// Main is the thread of the test program itself, which is special to some libraries: it has no Party, its test runs in it.
enum class Kind { Green, Thread, LockedGreen, Main };

inline const char* name(Kind kind) {
  switch (kind) {
    case Kind::Green: return "green";
    case Kind::Thread: return "thread";
    case Kind::LockedGreen: return "green, locked to its thread";
    default: return "main thread";
  }
}

// Runs a function on a party of its own (Main: at once, here); the destructor waits for its end.
class Party {
 public:
  Party(Kind kind, std::function<void()> body) {
    switch (kind) {
      case Kind::Green: green_.emplace(causeway::spawn(std::move(body))); break;
      case Kind::LockedGreen: green_.emplace(causeway::spawn({.locked = true}, std::move(body))); break;
      case Kind::Thread: thread_.emplace(std::move(body)); break;
      case Kind::Main: body(); break;
    }
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
    const cw_status status = runtime_.stop(kLimit);
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

// The state inside a C++ object, which is all that it consists of.
template <class Inner, class Object>
Inner& inner(Object& object) {
  static_assert(std::is_standard_layout_v<Object> && sizeof(Inner) == sizeof(Object));
  return reinterpret_cast<Inner&>(object);
}

}  // namespace sync_test
