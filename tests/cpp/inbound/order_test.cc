// SPDX-License-Identifier: MIT
//
// Coroutines of a host that suspend inside callbacks and return in any order (FAULTS 24 to 26): callbacks that began earlier end first, on the
// same thread or on another, with locks held, while the thread that they began on is gone. tests/c/stackswitch and same-thread-interleave are
// the same from outside.
//
// Risk: what one call found is put back over what another one needs; the thread or the green thread that the code runs on afterwards is the
// wrong one. So each part asks who it is.
#include <algorithm>
#include <array>
#include <mutex>
#include <numeric>
#include <stdexcept>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

// A coroutine that suspends inside a callback inside `levels` others, and once on the way out of each.
class Nested {
 public:
  explicit Nested(int levels, bool throws = false)
      : throws_(throws), host_([this, levels](Coroutine&) {
          try {
            causeway::enter([&] { descend(levels); });
            finished_ = !throws_;
          } catch (const std::runtime_error&) { finished_ = throws_; }
        }) {}

  void resume() {
    host_.resume();
    CHECK(cw_on_green() == 0);
  }
  bool done() const { return host_.done(); }
  bool finished() const { return finished_; }
  int wrong() const { return wrong_; }

 private:
  void expect(bool good) { wrong_ += !good; }
  void descend(int levels) {
    const uint64_t id = cw_green_id();
    const Locals mine(static_cast<unsigned>(id));
    expect(cw_on_green() == 1);
    struct Way {  // on every way out
      Nested* self;
      const Locals& mine;
      uint64_t id;
      ~Way() {
        self->expect(cw_green_id() == id);
        self->expect(mine.intact());
        causeway::this_green::yield();
        self->expect(cw_green_id() == id);
      }
    } way{this, mine, id};
    causeway::call([&] {
      const Locals in_c(static_cast<unsigned>(levels));
      if (levels > 1) causeway::enter([&] { descend(levels - 1); });
      host_.suspend();
      expect(cw_on_green() == 0);
      expect(in_c.intact());
      if (throws_ && levels == 1) throw std::runtime_error("from the bottom");
    });
  }

  bool throws_;
  bool finished_ = false;
  int wrong_ = 0;
  Coroutine host_;
};

void end(Nested& nested) {
  while (!nested.done()) nested.resume();
  CHECK(nested.finished());
  CHECK(nested.wrong() == 0);
}

void call_in_between() {
  uint64_t id = 0;
  CHECK(enter([&] {
          id = cw_green_id();
          causeway::call([] { CHECK(enter([] { causeway::this_green::yield(); }) == CW_OK); });
          CHECK(cw_green_id() == id);
        }) == CW_OK);
  CHECK(id != 0);
}

TEST_CASE("four coroutines that suspended inside callbacks end in each of the 24 orders") {
  Runtime runtime(2);
  const uint64_t before = stats().records_retired;
  const auto all_orders = [] {
    std::array<size_t, 4> order{};
    std::iota(order.begin(), order.end(), size_t{0});
    do {
      std::vector<std::unique_ptr<Nested>> all;
      for (size_t i = 0; i < order.size(); ++i) {
        all.push_back(std::make_unique<Nested>(static_cast<int>(i) + 1));
        all.back()->resume();
      }
      for (const size_t i : order) {
        end(*all[i]);
        call_in_between();
      }
    } while (std::next_permutation(order.begin(), order.end()));
  };
  on_thread(all_orders);
  causeway::spawn([&] { causeway::call(all_orders); }).join();
  CHECK(stats().records_retired == before);
}

TEST_CASE("they take turns, step by step, and end by exceptions too") {
  Runtime runtime(2);
  on_thread([] {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::unique_ptr<Nested>> all;
      for (int i = 0; i < 5; ++i) {
        all.push_back(std::make_unique<Nested>(1 + (i + round) % 4, i % 2 == 1));
        all.back()->resume();
      }
      for (bool some = true; some;) {
        some = false;
        for (auto& nested : all) {
          if (nested->done()) continue;
          nested->resume();
          some = true;
          call_in_between();
        }
      }
      for (auto& nested : all) end(*nested);
    }
  });
}

TEST_CASE("a callback that began inside another one's C code ends after it") {
  Runtime runtime(2);
  const auto outer_first = [] {
    for (int round = 0; round < 20; ++round) {
      Nested inner(2), other(1);
      CHECK(enter([&] {
              causeway::call([&] {
                inner.resume();
                CHECK(enter([&] { causeway::call([&] { other.resume(); }); }) == CW_OK);
                call_in_between();
              });
              const uint64_t id = cw_green_id();
              causeway::this_green::yield();
              CHECK(cw_green_id() == id);
            }) == CW_OK);
      call_in_between();
      end(inner);
      call_in_between();
      end(other);
    }
  };
  on_thread(outer_first);
  causeway::spawn([&] { causeway::call(outer_first); }).join();
}

TEST_CASE("a coroutine goes on on another thread, step by step, whether that one called in before or not") {
  Runtime runtime(2);
  for (int round = 0; round < 20; ++round) {
    Nested nested(3);
    on_thread([&] { nested.resume(); });  // and that thread is gone
    on_thread([&] {
      call_in_between();
      nested.resume();
      call_in_between();
    });
    on_thread([&] { nested.resume(); });
    on_thread([&] {  // not on this thread, which would stay bound for the cases that follow
      end(nested);
      call_in_between();
    });
  }
  CHECK(stats().greens == 0);
}

TEST_CASE("two threads pass their coroutines to each other, each inside a callback of its own") {
  Runtime runtime(2);
  for (int round = 0; round < 20; ++round) {
    Nested left(2), right(2);
    std::atomic<int> started{0}, passed{0};
    const auto party = [&](Nested& mine, Nested& others) {
      CHECK(enter([&] {
              const uint64_t id = cw_green_id();
              causeway::call([&] {
                mine.resume();
                ++started;
                while (started != 2) std::this_thread::yield();
                end(others);
                ++passed;
                while (passed != 2) std::this_thread::yield();
                call_in_between();
              });
              CHECK(cw_green_id() == id);
            }) == CW_OK);
    };
    HostThread one([&] { party(left, right); }), two([&] { party(right, left); });
  }
  CHECK(stats().greens == 0);
}

TEST_CASE("coroutines wander between four threads, each at any step") {
  Runtime runtime(2);
  constexpr size_t kCoroutines = 12;
  std::vector<std::unique_ptr<Nested>> all;
  std::mutex lock;
  for (size_t i = 0; i < kCoroutines; ++i) all.push_back(std::make_unique<Nested>(1 + static_cast<int>(i) % 5));
  std::vector<Nested*> ready;
  for (auto& nested : all) ready.push_back(nested.get());
  std::atomic<size_t> ended{0};
  {
    std::vector<std::unique_ptr<HostThread>> threads;
    for (int i = 0; i < 4; ++i)
      threads.push_back(std::make_unique<HostThread>([&] {
        while (ended != kCoroutines) {
          Nested* next = nullptr;
          {
            const std::lock_guard guard(lock);
            if (!ready.empty()) {
              next = ready.front();
              ready.erase(ready.begin());
            }
          }
          if (next == nullptr) {
            std::this_thread::yield();
            continue;
          }
          next->resume();
          if (next->done()) {
            ++ended;
          } else {
            const std::lock_guard guard(lock);
            ready.push_back(next);
          }
        }
      }));
  }
  for (auto& nested : all) end(*nested);
  CHECK(stats().greens == 0);
}

TEST_CASE("TestCoroLockOSThread: a locked callback is suspended and resumed on its own thread, out of order, and keeps it") {
  Runtime runtime(2);
  on_thread([] {
    const int here = tid();
    std::vector<std::unique_ptr<Coroutine>> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(std::make_unique<Coroutine>([&](Coroutine& self) {
        CHECK(enter([&] {
                const causeway::thread_affinity lock;
                causeway::call([&] { self.suspend(); });
                causeway::this_green::sleep_for(10us);
                CHECK(tid() == here);
              }) == CW_OK);
      }));
    for (auto& one : all) one->resume();
    for (const size_t i : {1u, 0u, 2u}) {
      all[i]->resume();
      CHECK(all[i]->done());
    }
  });
}

// A coroutine of the host that does something `steps` times and suspends after each; each() runs between them.
void iterate(int steps, const std::function<void(int)>& step, const std::function<void()>& each) {
  Coroutine iterator([&](Coroutine& self) {
    for (int i = 0; i < steps; ++i) {
      step(i);
      self.suspend();
    }
  });
  for (iterator.resume(); !iterator.done(); iterator.resume()) each();
}

TEST_CASE("CoroCgoIterCallback, CoroCgoCallback, CoroCgoCallbackIterNested: coroutines on one side of a call") {
  Runtime runtime(2);
  const auto body = [] {
    for (int round = 0; round < 10; ++round) {
      int sum = 0;
      const auto add = [&sum](int i) { sum += i; };
      const auto call_back = [&sum] { CHECK(enter([&] { sum += 10; }) == CW_OK); };
      iterate(5, add, call_back);  // the coroutine outside, the callbacks between its steps
      CHECK(sum == 10 + 50);
      sum = 0;
      CHECK(enter([&] {
              causeway::call([&] { iterate(5, add, [] {}); });  // made and finished in a callback
              causeway::this_green::yield();
              causeway::call([&] { iterate(3, [&](int) { iterate(4, add, [] {}); }, [&] { sum += 100; }); });  // one inside another
            }) == CW_OK);
      CHECK(sum == 10 + 3 * 6 + 300);
    }
  };
  on_thread(body);
  causeway::spawn([&] { causeway::call(body); }).join();
}

TEST_CASE("CoroCgoCallbackIterCallback: coroutines that are made and finished inside callbacks, and callbacks inside those") {
  Runtime runtime(2);
  on_thread([] {
    for (int round = 0; round < 10; ++round) {
      int sum = 0;
      CHECK(enter([&] {
              causeway::call([&] {
                Coroutine generator([&](Coroutine& self) {
                  for (int i = 0; i < 5; ++i) {
                    CHECK(enter([&] {
                            causeway::this_green::yield();
                            sum += i;
                          }) == CW_OK);
                    self.suspend();
                  }
                });
                while (!generator.done()) {
                  generator.resume();
                  CHECK(enter([&] { sum += 100; }) == CW_OK);
                }
              });
            }) == CW_OK);
      CHECK(sum == 10 + 6 * 100);
    }
  });
}

TEST_CASE("CoroCgoStopCallback: a coroutine that is dropped between two callbacks leaves nothing behind") {
  Runtime runtime(2);
  on_thread([] {
    for (int round = 0; round < 50; ++round) {
      CHECK(enter([] {
              causeway::call([] {
                Coroutine dropped([](Coroutine& self) {
                  CHECK(enter([] {}) == CW_OK);
                  self.suspend();
                  FAIL_CHECK("it was resumed");
                });
                dropped.resume();
              });
            }) == CW_OK);
      call_in_between();
    }
  });
  CHECK(stats().greens == 0);
}

}  // namespace
