// SPDX-License-Identifier: MIT
//
// The two words of parking: the word that an OS thread sleeps on, and the word that decides who ends a wait.
//
// SleepWord: one token per thread. wake() leaves the token, sleep() takes it; a token that comes first makes the
// sleep return at once. Used by an M without work. One M may sleep in the poller instead of its futex (poller.hpp):
// sleep_in() says so in the word, and wake() interrupts the poller then, and only then.
//
//   INV-SLEEP1 Whoever turns kPolling into kToken interrupts the poller. The interrupt stays until the poll of the one
//              that waits there has seen it, so it does not matter whether the owner is in the kernel already; and at
//              most one thread polls and waits (INV-POLL1), so it ends that one's sleep.
//
// ClaimWord: {ticket, state} of one waiting party (a G, or a plain thread). A wait is opened under a new ticket
// before the party is linked anywhere. Wakers, the timer and a stop request each try to claim it; exactly one
// wins, and the winner makes the party ready, once.
//
//   INV-PARK1  A party is made ready only after its context is saved. The parking side holds the object's lock
//              while it links itself and until its context is saved (the landing site of the switch unlocks). A
//              waker claims under that lock. A timer or stop request claims without it, and then passes through
//              it (claim_and_pass) before it makes the party ready; nobody spins on a flag.
//   INV-PARK2  One ticket is claimed at most once; a stale ticket is never claimed.
//   INV-PARK3  A stop request that comes before or during the opening of a cancellable wait ends that wait.
//
// INV-PARK3 is Dekker's race: the party stores "waiting" and reads the stop flag, the requester stores the flag
// and reads the word; light on the party's side, heavy on the requester's.
//
// Not chosen: a "parked" flag that wakers wait for (they would spin behind a preempted thread); a two-party
// handshake in the deferred action (one more locked instruction for every park).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"

namespace causeway::sched {

// poller.cc. Signal-safe: yes
void interrupt_poller() noexcept;

// Where a SleepWord blocks; the interleaving checker brings its own.
struct OsFutex {
  // 0 or ETIMEDOUT; may return early.
  static int wait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) noexcept {
    return os::futex_wait(word, expected, timeout_ns);
  }
  static void wake_one(const std::atomic<uint32_t>& word) noexcept { os::futex_wake(word, 1); }
  // Ends the poll that waits, or the next one.
  static void interrupt() noexcept { interrupt_poller(); }
};

template <class Env = base::RealAtomics, class Futex = OsFutex>
class SleepWord {
 public:
  SleepWord() noexcept = default;
  SleepWord(const SleepWord&) = delete;
  SleepWord& operator=(const SleepWord&) = delete;

  // Takes the token, waiting for it up to timeout_ns (UINT64_MAX: for ever). False: no token within that time.
  // Spurious returns of the futex restart the wait with the full time, so a timeout is "at least".
  // Blocks: yes. One thread per word.
  bool sleep(uint64_t timeout_ns = UINT64_MAX) noexcept;
  // The same in the poller: poll() waits there, and may return for any reason. Not called if the token is there. One thread at a time.
  template <class Poll>
  bool sleep_in(Poll&& poll) noexcept;
  // Takes the token if it is there.
  bool try_take() noexcept;
  // Leaves the token; two tokens are one. The word must stay mapped until the woken thread is known to be gone.
  // Signal-safe: yes. Blocks: never.
  void wake() noexcept;
  // Wakes the owner only if it sleeps (or is on its way into the futex). Signal-safe: yes. Blocks: never.
  bool wake_if_sleeping() noexcept {
    uint32_t seen = kSleeping;
    // release: as in wake(). relaxed on failure: nothing was done.
    if (word_.compare_exchange_strong(seen, kToken, std::memory_order_release, std::memory_order_relaxed)) {
      Futex::wake_one(word_);
      return true;
    }
    if (seen != kPolling || !word_.compare_exchange_strong(seen, kToken, std::memory_order_release, std::memory_order_relaxed))
      return false;
    Futex::interrupt();  // INV-SLEEP1
    return true;
  }

 private:
  static constexpr uint32_t kEmpty = 0;     // no token; anybody may leave one, the owner may go to sleep
  static constexpr uint32_t kToken = 1;     // the owner takes it
  static constexpr uint32_t kSleeping = 2;  // the owner is in, or on its way into, the futex; wake() ends it
  static constexpr uint32_t kPolling = 3;   // the owner is in, on its way into, or on its way out of, the poller; wake() ends it

  typename Env::template atomic<uint32_t> word_{kEmpty};
};

enum class WaitEnd : uint8_t { Woken = 0, TimedOut = 1, Cancelled = 2 };
// Who may claim a wait. Timer and Anybody differ only for stop requests, which skip the former.
enum class Claimers : uint8_t { Timer = 1, Anybody = 2 };

template <class Env = base::RealAtomics>
class ClaimWord {
 public:
  using Flag = typename Env::template atomic<uint32_t>;  // a stop flag: 0, or stop requested

  ClaimWord() noexcept = default;
  ClaimWord(const ClaimWord&) = delete;
  ClaimWord& operator=(const ClaimWord&) = delete;

  // Opens a wait and returns its ticket. Before the party is linked or its timer is armed.         Owner only.
  uint64_t begin(Claimers claimers) noexcept;
  // After begin(Claimers::Anybody): was a stop requested? Then the owner claims its own wait as Cancelled; if it
  // loses, somebody else makes it ready, and it has to park for that.                              Owner only.
  bool stop_seen(const Flag& stop) const noexcept;
  // Ends the wait: why. The word is claimed by now.                                                Owner only.
  WaitEnd finish() noexcept;
  // The ticket of the wait under way or of the last one.                                           Owner only.
  uint64_t ticket() const noexcept { return word_.load(std::memory_order_relaxed) >> kStateBits; }
  // The ticket of a wait that is open right now, else 0: for reports. While it stays the same, the party has not run.
  uint64_t open_ticket() const noexcept {
    const uint64_t word = word_.load(std::memory_order_acquire);  // acquire: what the party wrote; pairs with the release in begin()
    return open(word) ? word >> kStateBits : 0;
  }

  // True for exactly one caller per ticket; it makes the party ready.        Under the object's lock, or the owner.
  bool claim(uint64_t ticket, WaitEnd why) noexcept;
  // The same for callers that do not hold the object's lock (timer): after a win it takes and releases the lock,
  // which is free only once the party's context is saved. INV-PARK1
  template <class LockType>
  bool claim_and_pass(uint64_t ticket, WaitEnd why, LockType& object_lock) noexcept;

  // Requests a stop. Afterwards try_cancel() on each party that may wait under this flag.
  // Blocks: one membarrier.
  static void request_stop(Flag& stop) noexcept;
  // Claims the cancellable wait that is open now, if there is one. True: the caller passes through the object's
  // lock (which the party stored before begin; reading it is safe now) and makes the party ready.
  bool try_cancel() noexcept;

 private:
  static constexpr unsigned kStateBits = 3;
  static constexpr uint64_t kStateMask = (1u << kStateBits) - 1;
  static constexpr uint64_t kClosed = 0;  // no wait; the owner may begin one
  //   1, 2: Claimers; open. A claim ends it.
  static constexpr uint64_t kClaimed = 4;  // + WaitEnd; the owner's finish() ends it
  static constexpr bool open(uint64_t word) noexcept { return (word & kStateMask) - 1 < 2; }
  static constexpr uint64_t claimed(uint64_t word, WaitEnd why) noexcept {
    return (word & ~kStateMask) | kClaimed | static_cast<uint64_t>(why);
  }

  // 61 bits of ticket, 3 of state. The owner writes it while closed or claimed, claimers by exchange while open.
  typename Env::template atomic<uint64_t> word_{0};
};

// --- the interface ends here ----------------------------------------------------------------------------------

template <class Env, class Futex>
bool SleepWord<Env, Futex>::try_take() noexcept {
  // relaxed: only worth an exchange when the token is there.
  if (word_.load(std::memory_order_relaxed) != kToken) return false;
  // acquire: what the waker did before; pairs with the release in wake(). Nobody else takes a token away.
  word_.exchange(kEmpty, std::memory_order_acquire);
  return true;
}

template <class Env, class Futex>
bool SleepWord<Env, Futex>::sleep(uint64_t timeout_ns) noexcept {
  uint32_t seen = kEmpty;
  // relaxed, all of these: they publish nothing; the exchange at the end orders the token.
  if (word_.compare_exchange_strong(seen, kSleeping, std::memory_order_relaxed, std::memory_order_relaxed)) {
    do {
      const int answer = Futex::wait(word_, kSleeping, timeout_ns);
      seen = word_.load(std::memory_order_relaxed);
      if (answer != 0 && seen == kSleeping &&
          word_.compare_exchange_strong(seen, kEmpty, std::memory_order_relaxed, std::memory_order_relaxed))
        return false;
    } while (seen == kSleeping);
  }
  // acquire: what every waker so far did before; pairs with the release in wake().
  word_.exchange(kEmpty, std::memory_order_acquire);
  return true;
}

template <class Env, class Futex>
void SleepWord<Env, Futex>::wake() noexcept {
  // release: what we did before; pairs with the acquire in sleep(). We read nothing of the sleeper's.
  const uint32_t before = word_.exchange(kToken, std::memory_order_release);
  if (before == kSleeping) Futex::wake_one(word_);
  else if (before == kPolling) Futex::interrupt();  // INV-SLEEP1
}

template <class Env, class Futex>
template <class Poll>
bool SleepWord<Env, Futex>::sleep_in(Poll&& poll) noexcept {
  uint32_t seen = kEmpty;
  // relaxed: as in sleep(). The poller's interrupt is remembered there, so nothing has to be ordered against it.
  if (word_.compare_exchange_strong(seen, kPolling, std::memory_order_relaxed, std::memory_order_relaxed)) {
    poll();
    seen = kPolling;
    if (word_.compare_exchange_strong(seen, kEmpty, std::memory_order_relaxed, std::memory_order_relaxed)) return false;
  }
  // acquire: what every waker so far did before; pairs with the release in wake().
  word_.exchange(kEmpty, std::memory_order_acquire);
  return true;
}

template <class Env>
inline uint64_t ClaimWord<Env>::begin(Claimers claimers) noexcept {
  const uint64_t next = (word_.load(std::memory_order_relaxed) >> kStateBits) + 1;  // relaxed: our own last store
  // release: what the party wrote for its claimers (its lock, its waiters); pairs with the acquire in claim().
  word_.store(next << kStateBits | static_cast<uint64_t>(claimers), std::memory_order_release);
  return next;
}

template <class Env>
inline bool ClaimWord<Env>::stop_seen(const Flag& stop) const noexcept {
  Env::light();  // INV-PARK3: between the store in begin() and this load; pairs with heavy in request_stop()
  // acquire: what the requester did before; pairs with the release in request_stop().
  return stop.load(std::memory_order_acquire) != 0;
}

template <class Env>
inline WaitEnd ClaimWord<Env>::finish() noexcept {
  // acquire: what the claimer wrote before it won; pairs with the release in claim().
  const uint64_t word = word_.load(std::memory_order_acquire);
  // relaxed: a claimer that reads the old value fails on its exchange, one that reads this one fails at once.
  word_.store((word & ~kStateMask) | kClosed, std::memory_order_relaxed);
  return static_cast<WaitEnd>(word & 3);
}

template <class Env>
inline bool ClaimWord<Env>::claim(uint64_t ticket, WaitEnd why) noexcept {
  // relaxed: the exchange checks it. Who knows the ticket learnt it after begin(), so this is not older.
  uint64_t word = word_.load(std::memory_order_relaxed);
  if (word >> kStateBits != ticket || !open(word)) return false;  // INV-PARK2
  // acq_rel: takes what begin() published, gives what finish() acquires.
  return word_.compare_exchange_strong(word, claimed(word, why), std::memory_order_acq_rel, std::memory_order_relaxed);
}

template <class Env>
template <class LockType>
bool ClaimWord<Env>::claim_and_pass(uint64_t ticket, WaitEnd why, LockType& object_lock) noexcept {
  if (!claim(ticket, why)) return false;
  // INV-PARK1: the party holds this lock until its context is saved. Nobody else ends its wait now, so the object
  // that it waits in, and this lock, outlive these lines.
  object_lock.lock();
  object_lock.unlock();
  return true;
}

template <class Env>
void ClaimWord<Env>::request_stop(Flag& stop) noexcept {
  stop.store(1, std::memory_order_release);  // pairs with the acquire in stop_seen()
  Env::heavy();                              // INV-PARK3: before the load in try_cancel()
}

template <class Env>
bool ClaimWord<Env>::try_cancel() noexcept {
  // relaxed: the exchange checks it; request_stop() made it as new as INV-PARK3 needs.
  uint64_t word = word_.load(std::memory_order_relaxed);
  if ((word & kStateMask) != static_cast<uint64_t>(Claimers::Anybody)) return false;
  // acq_rel: as in claim(). A failure means that the wait has ended; a next one sees the flag by itself.
  return word_.compare_exchange_strong(word, claimed(word, WaitEnd::Cancelled), std::memory_order_acq_rel, std::memory_order_relaxed);
}

}  // namespace causeway::sched
