// SPDX-License-Identifier: MIT
//
// migrate=always: no green thread comes out of a call of ours on the OS thread on which it went in.
//
// Risk: a mode that says that it moves and does not, so that what keeps a thread-local over a call still passes; or that moves what must stay.
// One P in most cases: with it nothing but the mode itself moves a green thread.
#include <pthread.h>

#include <thread>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

thread_local int of_this_thread = 0;

// The compiler may not keep the thread's base from an earlier call: that is the fault of the user whom the mode is for.
[[gnu::noinline]] int* address_of_thread_local() {
  int* address = &of_this_thread;
  asm volatile("" : "+r"(address) : : "memory");
  return address;
}

// The C library declares it constant, so that a compiler may keep an earlier answer too.
[[gnu::noinline]] pthread_t thread_now() {
  pthread_t self = pthread_self();
  asm volatile("" : "+r"(self) : : "memory");
  return self;
}

// Runs `call` on a green thread some times; how often it came back on the thread on which it went in.
template <class Call>
int stayed(Call call) {
  constexpr int kRounds = 50;
  return spawn([&] {
           int same = 0;
           for (int i = 0; i < kRounds; ++i) {
             const int before = tid();
             call(i);
             same += tid() == before;
           }
           return same;
         })
      .join();
}

}  // namespace

TEST_CASE("under migrate=always every kind of call comes back on another OS thread") {
  for (const unsigned processors : {1u, 2u}) {
    CAPTURE(processors);
    Runtime runtime(processors, "migrate=always");
    CHECK(stayed([](int) { causeway::this_green::yield(); }) == 0);
    CHECK(stayed([](int) { causeway::this_green::sleep_for(1us); }) == 0);
    CHECK(stayed([](int) { causeway::go([] {}); }) == 0);
    causeway::channel<int> buffered(100);
    CHECK(stayed([&](int i) { buffered.send(i); }) == 0);
    CHECK(stayed([&](int) { static_cast<void>(buffered.receive()); }) == 0);
  }
}

TEST_CASE("under migrate=always a park ends on another OS thread too") {
  Runtime runtime(1, "migrate=always");
  causeway::channel<int> there(0), back(0);
  auto partner = spawn([&] {
    while (auto value = there.receive()) back.send(*value);
  });
  const int same = spawn([&] {
                     int n = 0;
                     for (int i = 0; i < 50; ++i) {
                       there.send(i);
                       const int before = tid();
                       static_cast<void>(back.receive());
                       n += tid() == before;
                     }
                     return n;
                   }).join();
  CHECK(same == 0);
  there.close();
  partner.join();
}

// FAULTS 65: user code that keeps the address of a thread-local, or the thread's id, over a yield.
TEST_CASE("under migrate=always a thread's address that was kept over a yield is wrong at the first try") {
  Runtime runtime(1, "migrate=always");
  spawn([] {
    int* kept = address_of_thread_local();
    const pthread_t self = thread_now();
    *kept = 77;
    causeway::this_green::yield();
    CHECK(address_of_thread_local() != kept);
    CHECK(*address_of_thread_local() == 0);
    CHECK(pthread_equal(thread_now(), self) == 0);
  }).join();
}

TEST_CASE("under migrate=always a locked green thread stays where it is, and moves again when it is unlocked") {
  Runtime runtime(2, "migrate=always");
  spawn([] {
    REQUIRE(cw_thread_lock() == CW_OK);
    const int home = tid();
    for (int i = 0; i < 50; ++i) {
      causeway::this_green::yield();
      CHECK(tid() == home);
    }
    REQUIRE(cw_thread_unlock() == CW_OK);
    causeway::this_green::yield();
    CHECK(tid() != home);
  }).join();
}

TEST_CASE("under migrate=always with no further OS thread to be had everything still runs") {
  for (const unsigned threads : {1u, 2u}) {
    CAPTURE(threads);
    causeway::options options;
    options.processors = 1;
    options.max_threads = threads;
    options.check = "migrate=always";
    Runtime runtime(options);
    std::atomic<int> sum{0};
    std::vector<causeway::task<void>> tasks;
    for (int i = 0; i < 10; ++i)
      tasks.push_back(spawn([&] {
        for (int k = 0; k < 100; ++k) {
          causeway::this_green::yield();
          ++sum;
        }
      }));
    for (auto& task : tasks) task.join();
    CHECK(sum == 1000);
  }
}

TEST_CASE("under migrate=always time stands still while anything runs, and an hour of it takes no hour") {
  Runtime runtime(1, "migrate=always,virtual-clock");
  std::atomic<int> ticks{0};
  auto sleeper = spawn([&] {
    for (int i = 0; i < 60; ++i, ++ticks) causeway::this_green::sleep_for(std::chrono::minutes(1));
  });
  auto busy = spawn([] {
    for (int i = 0; i < 200; ++i) causeway::this_green::yield();
  });
  busy.join();
  sleeper.join();
  CHECK(ticks == 60);
}

TEST_CASE("under migrate=always plain threads, hogs and a stop in the midst of it all find their way") {
  for (int round = 0; round < 5; ++round) {
    Runtime runtime(2, "migrate=always");
    causeway::channel<int> channel(4);
    std::atomic<bool> over{false};
    std::thread plain([&] {
      for (int i = 0; i < 200; ++i) channel.send(i);
      channel.close();
    });
    auto hog = spawn([&] {
      while (!over) {  // outside of the runtime for longer than a hog may, now and then
        const auto until = std::chrono::steady_clock::now() + 15ms;
        while (std::chrono::steady_clock::now() < until && !over) std::this_thread::yield();
        causeway::this_green::yield();
      }
    });
    int sum = 0;
    auto reader = spawn([&] {
      while (auto value = channel.receive()) sum += *value;
    });
    for (int i = 0; i < 5; ++i) causeway::go([] { causeway::this_green::sleep_for(std::chrono::hours(1)); });
    plain.join();
    reader.join();
    over = true;
    hog.join();
    CHECK(sum == 199 * 200 / 2);
  }  // the stop ends the five that sleep
}
