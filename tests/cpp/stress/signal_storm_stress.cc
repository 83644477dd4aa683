// SPDX-License-Identifier: MIT
//
// A signal every millisecond, with and without SA_RESTART, on plain threads that wait, spawn and allocate; each handler sets an event that
// a green thread waits for.
//
// Risk: a wait that ends with EINTR as if it were over; and a handler that interrupts a thread inside one of our locks, or inside
// malloc, and then wants the same lock. The second needs many signals at many places: besides the alarm, one thread aims a signal at the
// spawning one as soon as the last was handled, some ten thousand a second.
#include <pthread.h>
#include <sys/time.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;

cw_event ticked;
std::atomic<uint64_t> signals{0};

void on_signal(int) {
  const int saved = errno;
  errno = 4711;
  if (cw_event_set(ticked) != CW_OK || errno != 4711) abort();
  signals.fetch_add(1, std::memory_order_relaxed);
  errno = saved;
}

// One round: what plain threads do while the signals fall.
void run(uint64_t seed, int flags, Clock::duration time) {
  causeway::options options;
  options.processors = 2;
  causeway::runtime runtime(options);
  require(cw_event_create(&ticked) == CW_OK, "event", cw_last_error());

  std::atomic<bool> over{false};
  std::atomic<uint64_t> ticks_seen{0};
  auto ticker = causeway::spawn([&] {
    for (;;) {
      const cw_status status = cw_event_wait(ticked, CW_FOREVER);
      if (status != CW_OK) return status;
      ++ticks_seen;
    }
  });

  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = flags;
  struct sigaction before{};
  sigaction(SIGALRM, &action, &before);
  sigaction(SIGUSR1, &action, nullptr);
  const itimerval every{{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &every, nullptr);

  std::vector<std::thread> threads;
  // A wait with a deadline may not end before it, nor without one before its reason.
  threads.emplace_back([&] {
    while (!over) {
      const auto begin = Clock::now();
      require(cw_green_sleep(5'000'000) == CW_OK, "sleep");
      require(Clock::now() - begin >= 5ms, "a sleep was cut short by a signal");
    }
  });
  threads.emplace_back([&] {
    causeway::channel<int> there, back;
    auto echo = causeway::spawn([&] {
      while (const auto item = there.receive()) back.send(*item);
    });
    for (int i = 0; !over; ++i) {
      require(there.send(i), "send");
      require(back.receive() == i, "a wait ended without its item");
    }
    there.close();
    echo.join();
  });
  threads.emplace_back([&] {
    Random random(seed);
    while (!over) {
      std::vector<causeway::task<int>> tasks;
      for (int i = 0; i < 20; ++i) tasks.push_back(causeway::spawn([i] { return i; }));
      for (int i = 0; i < 20; ++i) require(tasks[static_cast<size_t>(i)].join() == i, "a wrong result");
      static_cast<void>(causeway::stats());
      std::vector<std::unique_ptr<char[]>> blocks;
      for (int i = 0; i < 50; ++i) blocks.push_back(std::make_unique<char[]>(1 + random.below(5000)));
    }
  });
  // This thread takes no signals, keeps the time, and aims.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  const pthread_t target = threads.back().native_handle();
  Random random(seed + 1);
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    const uint64_t before_it = signals.load(std::memory_order_relaxed);
    pthread_kill(target, SIGUSR1);
    for (uint32_t spins = 0; signals.load(std::memory_order_relaxed) == before_it && Clock::now() < end; ++spins)
      if (spins > 1000) std::this_thread::yield();
    for (uint32_t rounds = random.below(1000); rounds != 0; --rounds) asm volatile("");
  }
  over = true;
  for (auto& thread : threads) thread.join();
  const itimerval none{};
  setitimer(ITIMER_REAL, &none, nullptr);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  sigaction(SIGALRM, &before, nullptr);

  require(cw_event_close(ticked) == CW_OK, "close", cw_last_error());
  const cw_status end = ticker.join();
  require(end == CW_E_CLOSED || end == CW_E_STALE, "the waiter of the closed event ended otherwise:", cw_status_name(end));
  require(signals > 0 && ticks_seen > 0, "no signal arrived");
  require(runtime.stop(20s) == CW_OK, "stop:", cw_last_error());
  std::printf("flags %#x: %llu signals so far, %llu waits ended\n", static_cast<unsigned>(flags),
              static_cast<unsigned long long>(signals.load()), static_cast<unsigned long long>(ticks_seen.load()));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = seed_of(argc, argv);
  const Watchdog watchdog;
  run(seed, SA_RESTART, time_box() / 2);
  run(seed, 0, time_box() / 2);
  return 0;
}
