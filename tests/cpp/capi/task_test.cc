// SPDX-License-Identifier: MIT
//
// Risks: a closure or a result that is destroyed twice, never, or before it is used (small, large, over-aligned, throwing moves); an exception
// that is lost or crosses a frame of ours; a task that can be joined twice.
#include "causeway/causeway.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>

#include "doctest/doctest.h"

namespace {

using namespace std::chrono_literals;
using causeway::spawn;

// Counts its living objects. Bytes: 8 fits the payload, 200 does not.
std::atomic<int> alive{0};
template <size_t Bytes, bool Nothrow>
struct Tracked {
  Tracked() { ++alive; }
  Tracked(const Tracked&) { ++alive; }
  Tracked(Tracked&&) noexcept(Nothrow) { ++alive; }
  ~Tracked() { --alive; }
  std::array<char, Bytes> room{};
};

template <class T>
void returns_and_captures() {
  {
    T captured;
    auto joined = spawn([captured] { return captured; });
    static_cast<void>(joined.join());
    auto dropped = spawn([captured] { return captured; });
    dropped.detach();
    auto ended = spawn([captured] { return captured; });  // joined by its destructor
    causeway::go([captured] { static_cast<void>(captured); });
    auto thrown = spawn([captured]() -> T { throw std::runtime_error("lost"); });
    CHECK_THROWS_WITH(thrown.join(), "lost");
  }
}

template <class Body>
cw_status status_of(Body body) {
  try {
    body();
  } catch (const causeway::error& e) {
    CHECK(e.code() == e.status());
    CHECK(std::string(e.what()).size() > 0);
    return e.status();
  }
  return CW_OK;
}

TEST_CASE("task: closures and results of every size are destroyed exactly once") {
  {
    causeway::runtime runtime{causeway::options{.processors = 2}};
    for (int round = 0; round < 50; ++round) {
      returns_and_captures<Tracked<8, true>>();
      returns_and_captures<Tracked<8, false>>();
      returns_and_captures<Tracked<200, true>>();
      returns_and_captures<Tracked<200, false>>();
    }
    CHECK(runtime.stop(20s) == CW_OK);  // also the detached ones
  }
  CHECK(alive == 0);
}

TEST_CASE("task: join gives values, references, nothing, and what cannot be copied") {
  causeway::runtime runtime;
  int target = 0;
  CHECK(spawn([] { return 7; }).join() == 7);
  CHECK(&spawn([&]() -> int& { return target; }).join() == &target);
  spawn([&] { target = 1; }).join();
  CHECK(target == 1);
  CHECK(*spawn([p = std::make_unique<int>(5)]() mutable { return std::move(p); }).join() == 5);
  CHECK(spawn({.name = "named", .stack_size = 256 * 1024}, [] { return std::string(100, 'x'); }).join() == std::string(100, 'x'));
}

TEST_CASE("task: a second join, a join of oneself and a detached one are CW_E_STATE") {
  causeway::runtime runtime;
  auto task = spawn([] {});
  task.join();
  CHECK(status_of([&] { task.join(); }) == CW_E_STATE);
  CHECK(status_of([&] { task.detach(); }) == CW_E_STATE);
  CHECK(task.try_join_for(1ms).error() == CW_E_STATE);
  CHECK(task.id() == 0);
  CHECK_FALSE(task.request_stop());
  causeway::task<cw_status> self;
  causeway::event assigned;
  self = spawn([&] {
    assigned.wait();
    return status_of([&] { self.join(); });
  });
  assigned.set();
  CHECK(self.join() == CW_E_STATE);
}

TEST_CASE("task: a timed join ends at its deadline and can be repeated") {
  causeway::runtime runtime;
  causeway::event go_on;
  auto task = spawn([&] {
    go_on.wait();
    return 3;
  });
  CHECK(task.try_join_for(2ms).error() == CW_E_TIMEOUT);
  CHECK(task.joinable());
  go_on.set();
  const auto got = task.try_join_for(20s);
  REQUIRE(got.has_value());
  CHECK(*got == 3);
}

TEST_CASE("task: a stop request reaches the token, the waits and the destructor's join") {
  causeway::runtime runtime;
  std::atomic<bool> seen{false};
  {
    auto watcher = spawn([&](std::stop_token stop) {
      while (!stop.stop_requested()) causeway::this_green::yield();
      seen = true;
    });
  }  // requests the stop and waits
  CHECK(seen);
  auto sleeper = spawn([] { causeway::this_green::sleep_for(1h); });
  sleeper.request_stop();
  CHECK(status_of([&] { sleeper.join(); }) == CW_E_CANCELLED);
  auto asks_itself = spawn([] { return causeway::this_green::stop_token().stop_possible(); });
  CHECK(asks_itself.join());
  CHECK_FALSE(causeway::this_green::stop_token().stop_possible());  // a plain thread
}

TEST_CASE("go: an exception goes to the error handler, save for a cancelled wait") {
  static std::atomic<int> calls{0};
  static std::string text;
  cw_error_handler_set(
      [](cw_status, const char*, const char* what, void*) {
        text = what;
        ++calls;
      },
      nullptr);
  {
    causeway::runtime runtime;
    causeway::go([] { throw std::runtime_error("on my own"); });
    causeway::go([] { causeway::this_green::sleep_for(1h); });  // ended by the stop
    CHECK(runtime.stop(20s) == CW_OK);
  }
  CHECK(calls == 1);
  CHECK(text == "on my own");
  cw_error_handler_set(nullptr, nullptr);
}

TEST_CASE("result: has the members of std::expected") {
  causeway::result<int> value(4);
  CHECK(value);
  CHECK(value.error() == CW_OK);
  CHECK(value.value_or(1) == 4);
  const causeway::result<int> none(CW_E_TIMEOUT);
  CHECK_FALSE(none.has_value());
  CHECK(none.value_or(1) == 1);
  CHECK(status_of([&] { static_cast<void>(none.value()); }) == CW_E_TIMEOUT);
  CHECK(causeway::result<void>().has_value());
  CHECK(status_of([] { causeway::result<void>(CW_E_FULL).value(); }) == CW_E_FULL);
}

TEST_CASE("timeout: durations are rounded up, and saturate") {
  using causeway::detail::timeout_ns;
  CHECK(timeout_ns(1us) == 1000);
  CHECK(timeout_ns(-1s) == 0);
  CHECK(timeout_ns(std::chrono::duration<double, std::nano>(1.5)) == 2);
  CHECK(timeout_ns(std::chrono::duration<int, std::pico>(1)) == 1);
  CHECK(timeout_ns(std::chrono::hours::max()) == CW_FOREVER);
  CHECK(timeout_ns(std::chrono::duration<double>(1e30)) == CW_FOREVER);
}

}  // namespace
