// SPDX-License-Identifier: MIT
//
// Guards: two holders, a lost waiter, a release that touches the lock after it is free.
#include "runtime/base/lock.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <type_traits>
#include <vector>

#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"
#include "tests/cpp/base/child.hpp"

using namespace causeway;
using base::Lock;
using base::LockGuard;
using base::LockRank;

namespace {

int64_t ms_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("a lock is a constant initialised word, taken once") {
  static constinit Lock lock{LockRank::Object};
  CHECK(sizeof(Lock) <= 12);
  CHECK(lock.rank() == LockRank::Object);
  CHECK_FALSE(lock.is_locked());
  CHECK(lock.try_lock());
  CHECK(lock.is_locked());
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  CHECK_FALSE(lock.is_locked());
  {
    LockGuard guard(lock);
    CHECK(lock.is_locked());
  }
  CHECK_FALSE(lock.is_locked());
}

TEST_CASE("INV-LOCK1: four threads count without losing one") {  // twice the CPUs of a small machine, so that holders are preempted
  constexpr int kThreads = 4, kRounds = 25'000;
  Lock lock{LockRank::Object};
  int inside = 0, most_inside = 0;
  int64_t count = 0;  // plain: only the lock makes it right
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        LockGuard guard(lock);
        if (++inside > most_inside) most_inside = inside;
        ++count;
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(count == int64_t{kThreads} * kRounds);
  CHECK(most_inside == 1);
}

TEST_CASE("another thread may release a lock that was handed over") {
  Lock lock{LockRank::Object};
  int data = 0;
  lock.lock();
  data = 1;
  lock.hand_over();
  std::thread releaser([&] {
    data = 2;
    lock.unlock_deferred();
  });
  lock.lock();  // waits for the other thread
  CHECK(data == 2);
  lock.unlock();
  releaser.join();
  lock.lock();
  lock.unlock_deferred();  // by the thread that took it, without hand_over()
  CHECK_FALSE(lock.is_locked());
}

TEST_CASE("a waiter sleeps while the lock is held and gets it when it is free") {
  Lock lock{LockRank::Object};
  std::atomic<bool> got{false};
  lock.lock();
  std::thread waiter([&] {
    lock.lock();
    got.store(true);
    lock.unlock();
  });
  // 20 ms: the waiter has long stopped spinning, and slept through some time-outs.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(got.load());
  lock.unlock();
  waiter.join();
  CHECK(got.load());
}

TEST_CASE("a missed wake-up makes a waiter late, not lost") {
  // The wake-up is taken away altogether: the word is freed behind the lock's back, as if the release had not seen the waiter.
  Lock lock{LockRank::Object};
  static_assert(std::is_standard_layout_v<Lock>, "its word comes first");
  auto* word = reinterpret_cast<std::atomic<uint32_t>*>(&lock);
  lock.lock();
  lock.hand_over();
  std::atomic<bool> got{false};
  std::thread waiter([&] {
    lock.lock();
    got.store(true);
    lock.unlock();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the waiter sleeps by now; if not, the case is only easier
  const auto begin = std::chrono::steady_clock::now();
  word->store(0);  // no wake
  while (!got.load() && ms_since(begin) < 5000) std::this_thread::yield();
  CHECK(got.load());
  waiter.join();
  lock.lock_same_rank();  // the test freed the word itself: bring the debug account back in line
  lock.hand_over();
  lock.unlock_deferred();
}

#if CW_ARCH_X86_64 && !CW_ASAN && !CW_TSAN
namespace {

void* lock_page = nullptr;
// After each instruction of the release: when the word is free, the next holder unmaps the page.
void unmap_when_free(int, siginfo_t*, void*) {
  if (lock_page == nullptr || *static_cast<volatile uint32_t*>(lock_page) != 0) return;
  munmap(lock_page, os::page_size());
  lock_page = nullptr;
}

}  // namespace

TEST_CASE("INV-LOCK2: the next holder may unmap the lock at once") {  // the processor's single-step flag makes "at once" exact
  const auto end = test::run_child([] {
    struct sigaction action{};
    action.sa_sigaction = &unmap_when_free;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &action, nullptr);
    auto* lock = new (os::map_reserve(os::page_size())) Lock{LockRank::Object};
    lock->lock();
    lock_page = lock;
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
    lock->unlock();
    __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
    _exit(lock_page == nullptr ? 0 : 1);  // 1: the steps were not seen
  });
  CHECK(end.signal == 0);  // a late touch is a SIGSEGV
  CHECK(end.exit_status == 0);
}
#endif
