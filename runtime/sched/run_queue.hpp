// SPDX-License-Identifier: MIT
//
// Run queue of one P: a fixed ring that its owner pushes to and pops from, and that other Ms rob.
//
// The owner works at the tail without a lock. A thief moves the head in two steps, claim then commit,
// so that a half-finished theft is visible in the head word and the owner never overwrites it.
//
//   INV-RQ1  commit <= claim <= tail and tail - commit <= Capacity, as the owner sees them.
//   INV-RQ2  Only the owner writes tail; slots in [commit, tail) are initialised, and stay as they are.
//   INV-RQ3  claim != commit only while exactly one theft is under way.
//
// Counters run freely over 32 bits and are compared by their difference; a slot is counter % Capacity.
// "Owner" is the M that holds the P. When a P changes hands, the hand-over itself (a lock, the gate)
// orders the old owner's plain accesses before the new owner's.
//
// Not chosen: a lock per queue; a growing ring (old rings would have to outlive their thieves); Chase-Lev
// (LIFO, and a full fence in every pop); a membarrier in steal (thefts are frequent when latency matters).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sched {

// Faults that the interleaving checker plants; the product takes none, and the branches vanish.
struct RunQueueFaults {
  static constexpr bool kPublishTailFirst = false;  // the ring index is published before the slot
  static constexpr bool kOneStepTheft = false;      // a theft frees the slots before it has read them
};

template <class T, uint32_t Capacity, class Env = base::RealAtomics, class Faults = RunQueueFaults>
class RunQueue {
  static_assert(Capacity >= 2 && (Capacity & (Capacity - 1)) == 0, "a power of two: slots are counter % Capacity");

 public:
  static constexpr uint32_t kCapacity = Capacity;

  // What a test looks at; three loads, not one moment, unless the caller is the only one who moves.
  struct View {
    uint32_t commit, claim, tail;
  };

  // `solo`: there is only one P, so no thief exists and pop needs no locked instruction.
  explicit RunQueue(bool solo = false) noexcept : solo_(solo) {}
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  // Adds at the tail; false when the ring is full (then drain_half).        Owner only.
  bool push(T* item) noexcept;

  // Takes the oldest; null when there is none.                              Owner only.
  T* pop() noexcept;

  // Moves half of this queue (rounded up) to its thief: the oldest goes to *first, the others into `mine`.
  // Returns how many, 0 when there is nothing, when `mine` has no room or when another theft is under way.
  // The caller owns `mine`.                                                 Any M that holds a P.
  uint32_t steal_into(RunQueue& mine, T** first) noexcept;

  // Takes up to n of the oldest at once, for the global queue; at most Capacity / 2. Returns how many, 0 while
  // a theft is under way (it makes room by itself).                         Owner only.
  uint32_t drain_half(T** out, uint32_t n) noexcept;

  // A hint for others, exact for the owner while nobody steals.             Anybody.
  uint32_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  View view() const noexcept;

 private:
  static constexpr uint32_t kMask = Capacity - 1;
  static constexpr uint32_t claim_of(uint64_t head) noexcept { return static_cast<uint32_t>(head); }
  static constexpr uint32_t commit_of(uint64_t head) noexcept { return static_cast<uint32_t>(head >> 32); }
  static constexpr uint64_t pack(uint32_t commit, uint32_t claim) noexcept { return static_cast<uint64_t>(commit) << 32 | claim; }

  // Owner and thieves write: {commit, claim}. INV-RQ1, INV-RQ3.
  alignas(64) typename Env::template atomic<uint64_t> head_{0};
  // Owner writes, thieves read. INV-RQ2.
  alignas(64) typename Env::template atomic<uint32_t> tail_{0};
  // Owner only, plain: the tail may grow up to here; commit + Capacity when we last looked at the head.
  uint32_t limit_ = Capacity;
  // Constant after construction.
  const bool solo_;
  // Owner writes outside [commit, tail), thieves read inside [commit, claim) of their own theft.
  typename Env::template atomic<T*> slots_[Capacity] = {};
};

// --- the interface ends here ----------------------------------------------------------------------------------

template <class T, uint32_t Capacity, class Env, class Faults>
inline bool RunQueue<T, Capacity, Env, Faults>::push(T* item) noexcept {
  // relaxed: the owner's own last store.
  const uint32_t tail = tail_.load(std::memory_order_relaxed);
  if (tail == limit_) [[unlikely]] {
    // acquire: the thief has read the slots that it gave free; pairs with the commit's release in steal_into().
    limit_ = commit_of(head_.load(std::memory_order_acquire)) + Capacity;
    if (tail == limit_) return false;  // INV-RQ1
  }
  if constexpr (Faults::kPublishTailFirst) tail_.store(tail + 1, std::memory_order_release);
  // relaxed: nobody reads this slot before the tail below says so.
  slots_[tail & kMask].store(item, std::memory_order_relaxed);
  // release: publishes the slot and what *item holds; pairs with the acquire of tail_ in steal_into(). INV-RQ2
  if constexpr (!Faults::kPublishTailFirst) tail_.store(tail + 1, std::memory_order_release);
  return true;
}

template <class T, uint32_t Capacity, class Env, class Faults>
inline T* RunQueue<T, Capacity, Env, Faults>::pop() noexcept {
  // relaxed, both: the tail is our own; of the head only the numbers matter, all slots in it are our own stores
  // (a thief that filled this ring was its owner when it did).
  uint64_t head = head_.load(std::memory_order_relaxed);
  const uint32_t tail = tail_.load(std::memory_order_relaxed);
  if (solo_) {
    const uint32_t claim = claim_of(head);
    if (claim == tail) return nullptr;
    // relaxed: nobody else reads or writes this word.
    head_.store(pack(claim + 1, claim + 1), std::memory_order_relaxed);
    return slots_[claim & kMask].load(std::memory_order_relaxed);
  }
  for (;;) {
    const uint32_t claim = claim_of(head);
    if (claim == tail) return nullptr;
    // While a theft is under way its commit stays where it is: the thief still reads below our slot. INV-RQ3
    const uint32_t commit = commit_of(head) == claim ? claim + 1 : commit_of(head);
    // relaxed: the exchange decides who gets the slot and publishes nothing; it keeps the release sequence of
    // the last commit alive, which is the one that push() acquires.
    if (head_.compare_exchange_weak(head, pack(commit, claim + 1), std::memory_order_relaxed, std::memory_order_relaxed)) [[likely]] {
      // relaxed: only we overwrite slots, so it is still ours to read.
      return slots_[claim & kMask].load(std::memory_order_relaxed);
    }
  }
}

template <class T, uint32_t Capacity, class Env, class Faults>
uint32_t RunQueue<T, Capacity, Env, Faults>::steal_into(RunQueue& mine, T** first) noexcept {
  // relaxed: our own tail.
  const uint32_t my_tail = mine.tail_.load(std::memory_order_relaxed);
  // acquire: thieves of ours have read the slots that we shall fill; pairs with their commit.
  const uint32_t my_commit = commit_of(mine.head_.load(std::memory_order_acquire));
  if (my_tail - my_commit > Capacity / 2) return 0;
  // push() compares for equality, so the tail must never jump over an old limit. INV-RQ1
  mine.limit_ = my_commit + Capacity;

  // Step 1, claim. acquire: tail_ is loaded after it and is not older, as a rule. Only a rule: what is safe comes from
  // the exchange, which fails if the head moved, and from the signed difference.
  uint64_t head = head_.load(std::memory_order_acquire);
  uint32_t claim, count;
  uint64_t next;
  for (;;) {
    claim = claim_of(head);
    if (claim != commit_of(head)) return 0;  // INV-RQ3: one theft at a time
    // acquire: the slots below it and the items in them; pairs with the release in push() and in step 3.
    const uint32_t tail = tail_.load(std::memory_order_acquire);
    const uint32_t available = tail - claim;
    // The owner may pop with a relaxed exchange, so this head may still be newer than this tail.
    if (static_cast<int32_t>(available) <= 0) return 0;
    count = available - available / 2;
    if (count > Capacity / 2) {  // head and tail are from different moments; look again
      head = head_.load(std::memory_order_acquire);
      continue;
    }
    next = pack(Faults::kOneStepTheft ? claim + count : claim, claim + count);
    // acquire: what the last theft did comes before ours; releases nothing, the claim publishes no data.
    if (head_.compare_exchange_weak(head, next, std::memory_order_acquire, std::memory_order_acquire)) break;
  }

  // Step 2, read. relaxed: ordered by the two acquires above; the owner cannot overwrite before step 3.
  *first = slots_[claim & kMask].load(std::memory_order_relaxed);
  for (uint32_t i = 1; i < count; ++i) {
    T* const item = slots_[(claim + i) & kMask].load(std::memory_order_relaxed);
    mine.slots_[(my_tail + i - 1) & kMask].store(item, std::memory_order_relaxed);
  }

  // Step 3, commit: up to the claim as it is now, the owner may have popped meanwhile.
  // release: our reads of step 2 come before; pairs with the acquire of head_ in push().
  if constexpr (!Faults::kOneStepTheft) {
    head = next;
    while (!head_.compare_exchange_weak(head, pack(claim_of(head), claim_of(head)), std::memory_order_release, std::memory_order_relaxed)) {
    }
  }
  // release: as in push(), and what the stolen items hold goes on to our own thieves. INV-RQ2
  if (count > 1) mine.tail_.store(my_tail + count - 1, std::memory_order_release);
  return count;
}

template <class T, uint32_t Capacity, class Env, class Faults>
uint32_t RunQueue<T, Capacity, Env, Faults>::drain_half(T** out, uint32_t n) noexcept {
  if (n > Capacity / 2) n = Capacity / 2;
  // relaxed, all four: as in pop().
  uint64_t head = head_.load(std::memory_order_relaxed);
  const uint32_t tail = tail_.load(std::memory_order_relaxed);
  for (;;) {
    const uint32_t claim = claim_of(head);
    if (claim != commit_of(head)) return 0;  // INV-RQ3
    const uint32_t count = tail - claim < n ? tail - claim : n;
    if (count == 0) return 0;
    if (head_.compare_exchange_weak(head, pack(claim + count, claim + count), std::memory_order_relaxed, std::memory_order_relaxed)) {
      for (uint32_t i = 0; i < count; ++i) out[i] = slots_[(claim + i) & kMask].load(std::memory_order_relaxed);
      return count;
    }
  }
}

template <class T, uint32_t Capacity, class Env, class Faults>
inline uint32_t RunQueue<T, Capacity, Env, Faults>::size() const noexcept {
  const View now = view();
  const auto items = static_cast<int32_t>(now.tail - now.claim);
  return items > 0 ? static_cast<uint32_t>(items) : 0;
}

template <class T, uint32_t Capacity, class Env, class Faults>
inline auto RunQueue<T, Capacity, Env, Faults>::view() const noexcept -> View {
  // acquire, both: a sleeper that finds a queue non-empty goes on to steal; the tail may then not be older.
  const uint64_t head = head_.load(std::memory_order_acquire);
  return View{commit_of(head), claim_of(head), tail_.load(std::memory_order_acquire)};
}

}  // namespace causeway::sched
