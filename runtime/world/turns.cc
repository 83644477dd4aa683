// SPDX-License-Identifier: MIT
//
// The waiters are in a list, each with a word of its own on its stack, and are told when the turn is free. Who comes at that moment is faster than who must
// be woken, which is good for the rate of stops; so the turn is handed over, and never free, once the first waiter has waited for long.
#include "runtime/world/turns.hpp"

#include <atomic>

#include "runtime/os/os.hpp"

namespace causeway::world::turns {

namespace {

constexpr uint64_t kPatienceNs = 10'000'000;
// A waiter's futex word. kYours: it has left the list.
enum : uint32_t { kAsleep, kLookAgain, kYours };

struct Waiter {
  Waiter* next = nullptr;
  uint32_t tid = 0;
  uint64_t since = 0;
  std::atomic<uint32_t> word{kAsleep};
};

constinit base::Lock lock{base::LockRank::Task};
CW_STATIC_LOCK(lock);
constinit Waiter *first = nullptr, *last = nullptr;  // guarded by lock
// 0: nobody's. Written under the lock; read by threads that ask for themselves, which nobody else writes for them while they run.
constinit std::atomic<uint32_t> owner{0};

void append(Waiter* waiter) noexcept {
  (last != nullptr ? last->next : first) = waiter;
  last = waiter;
}

void remove(const Waiter* waiter) noexcept {
  Waiter* before = nullptr;
  for (Waiter* each = first; each != waiter; each = each->next) before = each;
  (before != nullptr ? before->next : first) = waiter->next;
  if (last == waiter) last = before;
}

}  // namespace

bool is_ours() noexcept { return owner.load(std::memory_order_relaxed) == static_cast<uint32_t>(os::thread_id()); }

bool take(uint64_t deadline) noexcept {
  Waiter waiter;
  waiter.tid = static_cast<uint32_t>(os::thread_id());
  bool listed = false;
  for (;;) {
    const uint64_t now = os::now_ns();
    {
      base::LockGuard guard(lock);
      if (waiter.word.load(std::memory_order_relaxed) == kYours) return true;
      const bool free = owner.load(std::memory_order_relaxed) == 0;
      if (free) owner.store(waiter.tid, std::memory_order_relaxed);
      if (free || now >= deadline) {
        if (listed) remove(&waiter);
        return free;
      }
      waiter.word.store(kAsleep, std::memory_order_relaxed);
      if (!listed) {
        waiter.since = now;
        append(&waiter);
        listed = true;
      }
    }
    static_cast<void>(os::futex_wait(waiter.word, kAsleep, deadline == UINT64_MAX ? os::kForever : deadline - now));
  }
}

void forget() noexcept {
  first = last = nullptr;
  owner.store(0, std::memory_order_relaxed);
}

void give_back() noexcept {
  std::atomic<uint32_t>* woken = nullptr;
  {
    base::LockGuard guard(lock);
    Waiter* next = first;
    const bool hand_over = next != nullptr && os::now_ns() - next->since >= kPatienceNs;
    owner.store(hand_over ? next->tid : 0, std::memory_order_relaxed);
    if (next == nullptr) return;
    if (hand_over) remove(next);
    woken = &next->word;
    woken->store(hand_over ? kYours : kLookAgain, std::memory_order_relaxed);
  }
  os::futex_wake(*woken, 1);  // its memory may be somebody else's by now, who is woken too early then
}

}  // namespace causeway::world::turns
