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

TEST_CASE("what leaves a green thread after its detach, or unasked for, is lost with its result, and nobody is told") {
  static std::atomic<int> calls{0};
  calls = 0;
  cw_error_handler_set([](cw_status, const char*, const char*, void*) { ++calls; }, nullptr);
  std::atomic<int> thrown{0};
  struct Thrown {
    std::atomic<int>* count;
    explicit Thrown(std::atomic<int>* n) : count(n) { ++*count; }
    Thrown(const Thrown& other) noexcept : count(other.count) { ++*count; }
    Thrown& operator=(const Thrown&) = delete;
    ~Thrown() { --*count; }
  };
  {
    causeway::runtime runtime;
    causeway::event go_on(causeway::manual_reset);
    const auto body = [&] {
      go_on.wait();
      throw Thrown(&thrown);
    };
    causeway::spawn(body).detach();
    cw_green green = 0;
    REQUIRE(cw_green_spawn([](void* b) { (*static_cast<decltype(body)*>(b))(); }, const_cast<void*>(static_cast<const void*>(&body)),
                           nullptr, &green) == CW_OK);
    CHECK(cw_green_detach(green) == CW_OK);
    {
      const auto dropped = causeway::spawn([&] { throw Thrown(&thrown); });
    }
    go_on.set();
    CHECK(runtime.stop(20s) == CW_OK);
  }
  CHECK(thrown == 0);
  CHECK(calls == 0);
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

TEST_CASE("task: a cw_status is a result as any other") {
  causeway::runtime runtime;
  auto bad = spawn([] { return CW_E_TIMEOUT; });
  const auto got = bad.try_join_for(20s);
  REQUIRE(got.has_value());
  CHECK(*got == CW_E_TIMEOUT);
  CHECK_FALSE(bad.joinable());
  const auto fine = spawn([] { return CW_OK; }).join(std::stop_token());
  REQUIRE(fine.has_value());
  CHECK(*fine == CW_OK);
}

TEST_CASE("task: the joins that may fail give a reference as std::reference_wrapper") {
  causeway::runtime runtime;
  int target = 1;
  causeway::event go_on;
  auto task = spawn([&]() -> int& {
    go_on.wait();
    return target;
  });
  CHECK(task.try_join_for(1ms).error() == CW_E_TIMEOUT);
  std::stop_source source;
  source.request_stop();
  CHECK(task.join(source.get_token()).error() == CW_E_CANCELLED);
  CHECK(task.try_join_until(std::chrono::system_clock::now() + 1h, source.get_token()).error() == CW_E_CANCELLED);
  go_on.set();
  const auto got = task.try_join_until(std::chrono::steady_clock::now() + 1h);
  REQUIRE(got.has_value());
  CHECK(&got->get() == &target);
  const auto again = spawn([&]() -> const int& { return target; }).try_join_for(1h);
  REQUIRE(again.has_value());
  CHECK(&again->get() == &target);
}

// Which form a member was called in, as std::expected hands on the value.
template <class V>
constexpr int form = std::is_lvalue_reference_v<V> ? (std::is_const_v<std::remove_reference_t<V>> ? 2 : 1)
                                                   : (std::is_const_v<std::remove_reference_t<V>> ? 4 : 3);

TEST_CASE("result: default construction, in_place, emplace and swap") {
  using causeway::result;
  CHECK(result<int>().value() == 0);
  CHECK(result<std::string>(std::in_place, 3, 'x').value() == "xxx");
  CHECK(result<cw_status>(std::in_place, CW_E_FULL).value() == CW_E_FULL);
  CHECK(result<cw_status>(CW_E_FULL).error() == CW_E_FULL);
  CHECK_FALSE(result<cw_status>(CW_E_FULL).has_value());
  struct Bare {
    explicit Bare(int) {}
  };
  static_assert(!std::is_default_constructible_v<result<Bare>>);
  static_assert(!std::is_convertible_v<std::in_place_t, result<int>>);
  result<int> a(CW_E_TIMEOUT), b(2);
  CHECK(a.emplace(7) == 7);
  CHECK(a.error() == CW_OK);
  a = CW_E_FULL;
  CHECK_FALSE(a);
  a.swap(b);
  CHECK(*a == 2);
  CHECK(b.error() == CW_E_FULL);
  swap(a, b);
  CHECK(*b == 2);
  result<void> none(CW_E_FULL), done(std::in_place);
  none.swap(done);
  CHECK(none.has_value());
  done.emplace();
  CHECK(done.has_value());
}

TEST_CASE("result: and_then, transform, or_else and transform_error hand on the value, or the error") {
  using causeway::result;
  result<int> value(4);
  const result<int> constant(4);
  result<int> none(CW_E_TIMEOUT);
  const auto which = [](auto&& v) { return result<int>(form<decltype(v)>); };
  CHECK(*value.and_then(which) == 1);
  CHECK(*constant.and_then(which) == 2);
  CHECK(*result<int>(4).and_then(which) == 3);
  CHECK(*static_cast<const result<int>&&>(constant).and_then(which) == 4);
  CHECK(none.and_then(which).error() == CW_E_TIMEOUT);
  CHECK(value.and_then([](int) { return result<void>(CW_E_FULL); }).error() == CW_E_FULL);

  const auto form_of = [](auto&& v) { return form<decltype(v)>; };
  CHECK(*value.transform(form_of) == 1);
  CHECK(*constant.transform(form_of) == 2);
  CHECK(*result<int>(4).transform(form_of) == 3);
  CHECK(*static_cast<const result<int>&&>(constant).transform(form_of) == 4);
  CHECK(none.transform(form_of).error() == CW_E_TIMEOUT);
  CHECK(*value.transform([](int) { return CW_E_FULL; }) == CW_E_FULL);  // a value
  int calls = 0;
  CHECK(value.transform([&](int) { ++calls; }).has_value());
  CHECK(none.transform([&](int) { ++calls; }).error() == CW_E_TIMEOUT);
  CHECK(calls == 1);
  result<std::unique_ptr<int>> box(std::make_unique<int>(5));
  CHECK(*std::move(box).transform([](std::unique_ptr<int> p) { return *p; }) == 5);

  CHECK(*value.or_else([](cw_status) { return result<int>(9); }) == 4);
  CHECK(*none.or_else([](cw_status why) { return result<int>(why == CW_E_TIMEOUT ? 9 : 0); }) == 9);
  CHECK(**result<std::unique_ptr<int>>(std::make_unique<int>(6)).or_else([](cw_status why) { return result<std::unique_ptr<int>>(why); }) ==
        6);
  CHECK(*value.transform_error([](cw_status) { return CW_E_FULL; }) == 4);
  CHECK(none.transform_error([](cw_status) { return CW_E_FULL; }).error() == CW_E_FULL);

  const result<void> done, failed(CW_E_FULL);
  CHECK(*done.and_then([] { return result<int>(1); }) == 1);
  CHECK(failed.and_then([] { return result<int>(1); }).error() == CW_E_FULL);
  CHECK(*done.transform([] { return 2; }) == 2);
  CHECK(failed.transform([&] { ++calls; }).error() == CW_E_FULL);
  CHECK(done.or_else([](cw_status) { return result<void>(CW_E_CLOSED); }).has_value());
  CHECK(failed.or_else([](cw_status) { return result<void>(); }).has_value());
  CHECK(done.transform_error([](cw_status) { return CW_E_CLOSED; }).has_value());
  CHECK(failed.transform_error([](cw_status) { return CW_E_CLOSED; }).error() == CW_E_CLOSED);
  CHECK(calls == 1);
}

TEST_CASE("result: error_or, comparison, and the forms of value") {
  using causeway::result;
  result<int> value(4);
  const result<int> constant(4), none(CW_E_TIMEOUT);
  CHECK(value.error_or(CW_E_FULL) == CW_E_FULL);
  CHECK(none.error_or(CW_E_FULL) == CW_E_TIMEOUT);
  CHECK(result<void>().error_or(CW_E_FULL) == CW_E_FULL);
  CHECK(result<void>(CW_E_CLOSED).error_or(CW_E_FULL) == CW_E_CLOSED);
  CHECK(value == constant);
  CHECK(value == result<long>(4));
  CHECK(value != result<int>(5));
  CHECK(value != none);
  CHECK(none == result<int>(CW_E_TIMEOUT));
  CHECK(none != result<int>(CW_E_FULL));
  CHECK(value == 4);
  CHECK(4 == value);
  CHECK(none != 4);
  CHECK(none == CW_E_TIMEOUT);
  CHECK(value != CW_OK);
  CHECK(result<cw_status>(std::in_place, CW_E_FULL) != CW_E_FULL);  // a bare status is the error
  CHECK(result<void>() == result<void>());
  CHECK(result<void>() != result<void>(CW_E_FULL));
  CHECK(result<void>(CW_E_FULL) == CW_E_FULL);
  CHECK(result<void>() != CW_OK);
  static_assert(std::is_same_v<decltype(std::declval<const result<int>&&>().value()), const int&&>);
  static_assert(std::is_same_v<decltype(*std::declval<const result<int>&&>()), const int&&>);
  static_assert(std::is_same_v<decltype(*std::declval<result<int>&&>()), int&&>);
  CHECK(static_cast<const result<int>&&>(constant).value() == 4);
  CHECK(status_of([&] { static_cast<void>(std::move(none).value()); }) == CW_E_TIMEOUT);
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
