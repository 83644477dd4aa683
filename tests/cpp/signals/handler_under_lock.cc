// SPDX-License-Identifier: MIT
//
// Signal handlers set events on top of cw_runtime_stats(), which takes the scheduler's lock outside of any wait: a handler that wanted
// that lock would wait for itself. 20 000 signals have to get through, and the waiters have to run; a hang ends by the limit below.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "causeway/causeway.hpp"

namespace {

using namespace std::chrono_literals;
constexpr uint64_t kSignals = 20'000;
constexpr auto kLimit = 100s;

causeway::event first, second;
std::atomic<uint64_t> handled{0};

void on_signal(int) {
  ++handled;
  first.set();
  second.set();
}

}  // namespace

int main() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, nullptr);
  causeway::options options;
  options.processors = 4;
  causeway::runtime runtime(options);
  std::atomic<bool> over{false};
  std::atomic<uint64_t> woken{0};
  std::atomic<pthread_t> target{};
  causeway::task<void> waiters[2];
  for (causeway::event* event : {&first, &second})
    waiters[event == &second] = causeway::spawn([&, event] {
      while (!over) event->wait(), ++woken;
    });
  auto caller = causeway::spawn({.locked = true}, [&] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    target = pthread_self();
    while (!over) static_cast<void>(causeway::stats());
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
  });
  while (target.load() == pthread_t{}) std::this_thread::sleep_for(1ms);
  const auto end = std::chrono::steady_clock::now() + kLimit;
  while (handled < kSignals) {
    pthread_kill(target, SIGUSR1);
    usleep(20);
    if (std::chrono::steady_clock::now() < end) continue;
    fprintf(stderr, "hung after %llu signals: the handler waits for a lock that it interrupted\n",
            static_cast<unsigned long long>(handled.load()));
    _exit(1);
  }
  over = true;
  caller.join();
  first.set();
  second.set();
  for (auto& waiter : waiters) waiter.join();
  return woken == 0;
}
