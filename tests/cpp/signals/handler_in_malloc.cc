// SPDX-License-Identifier: MIT
//
// A signal handler on top of malloc, in a green thread, sets two events whose waiters then have to run. It must not come back into the
// allocator, whose lock it may have interrupted, nor make a thread.
//
// malloc is replaced by one that raises the signal once, while it is marked as inside; every allocation of that thread meanwhile is counted.
// A locked green thread keeps the second worker, so that a wake-up which may make a thread would have to make one.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "causeway/causeway.hpp"

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_memalign(size_t align, size_t size);
}

namespace {

using namespace std::chrono_literals;

std::atomic<int> interrupted_thread{0};  // whose allocator is interrupted right now
std::atomic<int> entered_again{0};
std::atomic<bool> armed{false};
causeway::event first, second, never;

void count() {
  if (interrupted_thread.load() != 0 && interrupted_thread.load() == gettid()) ++entered_again;
}

void on_signal(int) {
  first.set();   // becomes this processor's next one
  second.set();  // has to find another place
}

void spin_for(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {}
}

}  // namespace

extern "C" void* malloc(size_t size) {
  count();
  if (armed.exchange(false)) {
    interrupted_thread = gettid();
    raise(SIGUSR1);
    interrupted_thread = 0;
  }
  return __libc_malloc(size);
}
extern "C" void* calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}
extern "C" void* aligned_alloc(size_t align, size_t size) {
  count();
  return __libc_memalign(align, size);
}

int main() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, nullptr);
  causeway::options options;
  options.processors = 2;
  causeway::runtime runtime(options);
  std::atomic<int> waiting{0};
  auto one = causeway::spawn([&] { ++waiting, first.wait(); });
  auto other = causeway::spawn([&] { ++waiting, second.wait(); });
  while (waiting != 2 || causeway::stats().greens_parked != 2) std::this_thread::sleep_for(1ms);
  causeway::spawn([&] {
    std::atomic<bool> runs{false};
    auto locked = causeway::spawn({.locked = true}, [&] { runs = true, never.wait(); });
    while (!runs) {}
    spin_for(100ms);
    // From here to the free() no call of ours: with migrate=always it would go on on a thread that blocks the signal.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    armed = true;
    void* volatile block = malloc(2000);
    free(block);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    never.set();
    locked.join();
  }).join();
  one.join();
  other.join();
  if (entered_again != 0) fprintf(stderr, "the handler came back into the allocator %d times\n", entered_again.load());
  return entered_again != 0;
}
