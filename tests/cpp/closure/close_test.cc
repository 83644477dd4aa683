// SPDX-License-Identifier: MIT
//
// Closing callbacks while they run, from everywhere.
//
// Guards against a functor that ends while somebody is inside, a wait that nobody ends, a wait for oneself. FAULTS 38, 39.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "bridge/closure/lifetime.hpp"
#include "causeway/causeway.hpp"
#include "tests/cpp/inbound/support.hpp"

using causeway::callback;
namespace on_exception = causeway::on_exception;
using namespace crossing_test;  // NOLINT(google-build-using-namespace): the tests' own tools

namespace {

// A functor that knows when it ends.
struct Alive {
  explicit Alive(std::atomic<int>& n) : count(&n) { ++n; }
  Alive(const Alive& other) : count(other.count) { ++*count; }
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count; }
  std::atomic<int>* count;
};

}  // namespace

TEST_CASE("close_and_wait waits for each call that is in the callback, with a time limit that names it") {
  const Runtime runtime{2};
  std::atomic<bool> inside{false}, go_on{false};
  callback<int()> cb{[&] {
                       inside = true;
                       while (!go_on) causeway::this_green::yield();
                       return 1;
                     },
                     on_exception::return_value(-1),
                     {.name = "on_data"}};
  std::atomic<int> got{0};
  HostThread caller([&] { got = cb.code()(); });
  REQUIRE(eventually([&] { return inside.load(); }));
  CHECK(status_of([&] { cb.close_and_wait(1ms); }) == CW_E_TIMEOUT);
  CHECK(std::strstr(cw_last_error(), "\"on_data\"") != nullptr);
  CHECK(cb.code()() == -1);
  // A plain thread, a green thread, and one that came in, at the same time.
  std::atomic<int> done{0};
  HostThread plain([&] { cb.close_and_wait(), ++done; });
  auto green = causeway::spawn([&] { cb.close_and_wait(), ++done; });
  HostThread foreign([&] { causeway::enter([&] { cb.close_and_wait(), ++done; }); });
  CHECK(done == 0);
  go_on = true;
  plain.join();
  green.join();
  foreign.join();
  CHECK(done == 3);
  caller.join();
  CHECK(got == 1);
  cb.close_and_wait();
}

TEST_CASE("who waits looks again after another one's mark, which a call at its end may not have seen") {
  const Runtime runtime{2};
  std::atomic<const causeway::crossing::Callee*> callee{nullptr};
  std::atomic<bool> go_on{false};
  callback<void()> cb{[&] {
    callee = causeway::sched::current_green()->in.callee.load();
    while (!go_on) causeway::this_green::yield();
  }};
  HostThread caller([&] { cb.code()(); });
  REQUIRE(eventually([&] { return callee.load() != nullptr; }));
  int looks = 0;
  const auto look = [&] {
    if (++looks == 1) CHECK(causeway::sched::callees::watch(callee) == 1);  // the other one's, after our heavy fence
    return causeway::sched::callees::watch(callee);
  };
  CHECK(causeway::closure::wait_until_idle(look, nullptr, 0, false, nullptr) == CW_E_TIMEOUT);
  CHECK(looks == 2);
  go_on = true;
}

TEST_CASE("a wait for a callback's end ends when its green thread is asked to stop") {
  const Runtime runtime{2};
  std::atomic<bool> inside{false}, go_on{false};
  callback<void()> cb{[&] {
    inside = true;
    while (!go_on) causeway::this_green::yield();
  }};
  HostThread caller([&] { cb.code()(); });
  REQUIRE(eventually([&] { return inside.load(); }));
  cw_status status = CW_OK;
  auto waiter = causeway::spawn([&] { status = status_of([&] { cb.close_and_wait(); }); });
  waiter.request_stop();
  waiter.join();
  CHECK(status == CW_E_CANCELLED);
  go_on = true;
}

TEST_CASE("a callback whose last owner goes away inside it ends at the end of that call") {
  const Runtime runtime{2};
  std::atomic<int> alive{0};
  auto cb = std::make_unique<callback<int()>>([] { return 0; });
  cb->code()();
  int during = -1;
  cw_status inside = CW_OK;
  cb = nullptr;
  {
    std::unique_ptr<callback<int()>> own;
    own = std::make_unique<callback<int()>>(
        [&, token = Alive(alive)] {
          inside = status_of([&] { own->close_and_wait(); });
          own = nullptr;
          during = alive;
          return 5;
        },
        on_exception::return_value(7));
    auto* const code = own->code();
    on_thread([&] { CHECK(code() == 5); });
    CHECK(inside == CW_E_STATE);
    CHECK(during == 1);
    CHECK(alive == 0);
    CHECK(code() == 7);
  }
  // The same when managed code calls the code pointer itself, and nested below a call out.
  for (const bool nested : {false, true}) {
    std::unique_ptr<callback<int()>> own;
    own = std::make_unique<callback<int()>>([&, token = Alive(alive)] {
      CHECK(status_of([&] { own->close_and_wait(); }) == CW_E_STATE);
      own = nullptr;
      during = alive;
      return 5;
    });
    causeway::spawn([&, code = own->code()] { CHECK((nested ? causeway::call(code) : code()) == 5); }).join();
    CHECK(during == 1);
    CHECK(alive == 0);
  }
}

TEST_CASE("C code that a callback has called is inside it too") {
  const Runtime runtime{2};
  std::atomic<int> alive{0};
  const causeway::owner owner{"plug-in"};
  std::unique_ptr<callback<int()>> own;
  cw_status waited = CW_OK, closed = CW_OK;
  const auto below = [&] {
    waited = status_of([&] { own->close_and_wait(10s); });
    closed = cw_owner_close(owner.raw(), 10'000'000'000);
    own = nullptr;  // would wait for ever
  };
  const auto make = [&] {
    own = std::make_unique<callback<int()>>(
        [&, token = Alive(alive)] {
          causeway::call(below);
          return alive.load();
        },
        on_exception::terminate, causeway::callback_options{.owned_by = &owner});
    return own->code();
  };
  auto* code = make();
  on_thread([&] { CHECK(code() == 1); });
  CHECK(waited == CW_E_STATE);
  CHECK(closed == CW_E_STATE);
  CHECK(alive == 0);
  code = make();
  causeway::spawn([&] { CHECK(causeway::call(code) == 1); }).join();
  CHECK(waited == CW_E_STATE);
  CHECK(alive == 0);
}

TEST_CASE("callbacks end under four threads that call them all the time, and nobody is inside then") {
  const Runtime runtime{2};
  const int rounds = few() ? 20 : 400;
  std::atomic<int (*)(int)> code{nullptr};
  std::atomic<bool> over{false};
  std::atomic<long> ran{0}, late{0};
  std::atomic<int> alive{0};
  std::vector<std::unique_ptr<HostThread>> callers;
  for (int i = 0; i < 4; ++i) {
    callers.push_back(std::make_unique<HostThread>([&] {
      while (!over) {
        if (auto* const to = code.load()) ++(to(3) == 3 ? ran : late);
        else std::this_thread::yield();
      }
    }));
  }
  for (int i = 0; i < rounds; ++i) {
    auto state = std::make_unique<std::atomic<int>>(0);
    {
      const callback<int(int)> cb{[at = state.get(), token = Alive(alive)](int n) {
                                    ++*at;
                                    if (*at % 3 == 0) causeway::this_green::yield();
                                    --*at;
                                    return n;
                                  },
                                  on_exception::return_value(-1)};
      code = cb.code();
      const long before = ran;
      REQUIRE(eventually([&] { return ran > before; }));
    }
    CHECK(alive == 0);
    CHECK(*state == 0);
    state = nullptr;  // what was inside would write to freed memory
  }
  over = true;
  callers.clear();
  CHECK(late > 0);
}

TEST_CASE("an exception goes by the callback's policy") {
  const Runtime runtime{2};
  struct {
    std::string name, text;
  } told;
  cw_error_handler_set([](cw_status, const char* name, const char* text, void* to) { *static_cast<decltype(told)*>(to) = {name, text}; },
                       &told);
  callback<int()> value{[]() -> int { throw std::runtime_error("lost"); }, on_exception::return_value(-3), {.name = "on_value"}};
  CHECK(value.code()() == -3);
  CHECK(told.name == "on_value");
  CHECK(told.text == "lost");
  causeway::spawn({.name = "reader"}, [&] { causeway::call([&] { CHECK(value.code()() == -3); }); }).join();
  CHECK(told.name == "reader/on_value");
  callback<int()> tunnel{[]() -> int { throw std::runtime_error("through"); }, on_exception::tunnel(-4)};
  causeway::spawn([&] {
    int got = 0;
    CHECK_THROWS_WITH(causeway::call([&] { got = tunnel.code()(); }), "through");
    CHECK(got == -4);
  }).join();
  cw_error_handler_set(nullptr, nullptr);
}
