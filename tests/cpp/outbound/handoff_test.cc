// SPDX-License-Identifier: MIT
//
// The processor during a call out: others get it when the call lasts (quick) or at once (blocking), and the caller goes on all the same.
//
// Risk: green threads that starve while C code waits for one of them; a processor that two run, or that nobody does; a thread too many or too
// few at the limit.
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::spawn;

// C code that returns when the flag is set: it waits for a green thread that needs the processor that the call came with.
void wait_for(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::sleep_for(100us);
}

TEST_CASE("with one processor C code waits for a green thread that can only run there: each kind but leaf") {
  Runtime runtime(1);
  const auto once = [](int kind) {
    std::atomic<bool> inside{false}, flag{false};
    auto waits = spawn([&] {
      CHECK(call(
                [&] {
                  inside = true;
                  wait_for(flag);
                },
                kind) == CW_OK);
    });
    CHECK(eventually([&] { return inside.load(); }));
    auto sets = spawn([&] { flag = true; });
    waits.join();
    sets.join();
  };
  once(CW_BLOCKING);
  // Its processor was taken before the call, now and then, when the system let the thread wait.
  const uint64_t before = stats().handoffs;
  CHECK(eventually([&] {
    once(CW_QUICK);
    return stats().handoffs > before;
  }));
}

TEST_CASE("many green threads in C at one time, one processor: all of them wait for the last one") {
  Runtime runtime(1);
  constexpr int kCalls = 30;
  std::atomic<int> inside{0};
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < kCalls; ++i)
    tasks.push_back(spawn([&, i] {
      CHECK(call(
                [&] {
                  ++inside;
                  while (inside != kCalls) std::this_thread::sleep_for(100us);
                },
                i % 2 == 0 ? CW_QUICK : CW_BLOCKING) == CW_OK);
    }));
  for (auto& task : tasks) task.join();
  CHECK(inside == kCalls);
}

TEST_CASE("at max_threads a call out waits for its turn, and all of them are made") {
  causeway::options options;
  options.processors = 2;
  options.max_threads = 4;
  options.log_level = CW_LOG_OFF;
  Runtime runtime(options);
  std::atomic<int> inside{0}, most{0}, done{0};
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 40; ++i)
    tasks.push_back(spawn([&] {
      causeway::call_blocking([&] {
        const int now = ++inside;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {}
        std::this_thread::sleep_for(1ms);
        --inside;
      });
      ++done;
    }));
  for (auto& task : tasks) task.join();
  CHECK(done == 40);
  CHECK(most <= 4);
  CHECK(stats().workers <= 4);
}

TEST_CASE("a processor that is taken and given back again and again is never run by two") {
  Runtime runtime(2);
  // Incremented without a lock by green threads that never run at one time: they pass a token.
  causeway::channel<int> token(1);
  token.send(0);
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 8; ++i)
    tasks.push_back(spawn([&, i] {
      for (int round = 0; round < 50; ++round) {
        int value = token.receive().value_or(-1);
        causeway::call([&] {
          if ((round + i) % 8 == 0) usleep(200);
          ++value;
        });
        causeway::call_blocking([&] { ++value; });
        token.send(value);
      }
    }));
  for (auto& task : tasks) task.join();
  CHECK(token.receive().value_or(-1) == 8 * 50 * 2);
}

TEST_CASE("callbacks of workers get a processor when they need one, and others get theirs while they wait") {
  Runtime runtime(1);
  causeway::channel<int> channel(0);
  constexpr int kParties = 6;
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < kParties; ++i) {
    tasks.push_back(spawn([&] {
      causeway::call([&] {
        for (int round = 0; round < 20; ++round) CHECK(enter([&] { channel.send(round); }) == CW_OK);
      });
    }));
    tasks.push_back(spawn([&] {
      for (int round = 0; round < 20; ++round) CHECK(channel.receive().has_value());
    }));
  }
  for (auto& task : tasks) task.join();
}

TEST_CASE("a stop request ends the waits of callbacks below the green thread that was asked") {
  Runtime runtime(2);
  causeway::event never;
  std::atomic<bool> waiting{false};
  cw_status nested = CW_OK, deeper = CW_OK;
  auto asked = spawn([&] {
    causeway::call([&] {
      CHECK(enter([&] {
              causeway::call([&] {
                CHECK(enter([&] {
                        waiting = true;
                        deeper = status_of([&] { never.wait(); });
                      }) == CW_OK);
              });
              nested = status_of([&] { never.wait(); });
            }) == CW_OK);
    });
  });
  CHECK(eventually([&] { return waiting.load(); }));
  asked.request_stop();
  asked.join();
  CHECK(deeper == CW_E_CANCELLED);
  CHECK(nested == CW_E_CANCELLED);
}

int waits_for_ever(int value) {
  static causeway::event never;
  never.wait();
  return value;
}

// FAULTS 59: there is no function by which a green thread ends itself; what comes nearest is a stop request that leaves it as an exception.
TEST_CASE("a callback that is ended by a stop request gives C its fallback, and everything goes on") {
  Runtime runtime(2);
  std::atomic<bool> inside{false};
  std::atomic<int> told{0};
  REQUIRE(cw_error_handler_set([](cw_status, const char*, const char*, void* count) { ++*static_cast<std::atomic<int>*>(count); }, &told) ==
          CW_OK);
  auto asked = spawn([&] {
    return causeway::call([&] {
      inside = true;
      const int fallback = causeway::entry<&waits_for_ever, causeway::on_exception::return_value(-5)>(1);
      CHECK(enter([] {}) == CW_OK);
      return fallback;
    });
  });
  CHECK(eventually([&] { return inside.load(); }));
  asked.request_stop();
  CHECK(asked.join() == -5);
  CHECK(told == 1);
  CHECK(cw_error_handler_set(nullptr, nullptr) == CW_OK);
}

TEST_CASE("the runtime stops while C code of green threads and callbacks is under way, and waits for it") {
  std::atomic<int> inside{0};
  std::atomic<bool> leave{false};
  std::atomic<int> ended{0};
  causeway::options options;
  options.processors = 2;
  const cw_options c = options.to_c();
  REQUIRE(cw_runtime_start(&c) == CW_OK);
  const auto stays = [&] {
    causeway::call([&] {
      ++inside;
      wait_for(leave);
    });
    ++ended;
  };
  for (int i = 0; i < 3; ++i) causeway::go(stays);
  HostThread foreign([&] { CHECK(enter(stays) == CW_OK); });
  CHECK(eventually([&] { return inside == 4; }));
  CHECK(cw_runtime_stop(1'000'000) == CW_E_BUSY);
  CHECK(std::string(cw_last_error()).size() > 0);
  CHECK(ended == 0);
  leave = true;
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
  CHECK(ended == 4);
}

}  // namespace
