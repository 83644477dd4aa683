// SPDX-License-Identifier: MIT
//
// Who sleeps and who searches: one word that decides whether published work needs a wake-up.
//
// A wake-up costs microseconds, so at most one is under way: work that is published while somebody searches
// wakes nobody, and the last searcher that finds something wakes one more. The word counts idle Ps (they are in
// the idle list, under Sched's lock) and Ms that search.
//
//   Publishing work                              Going to sleep
//     put it into a queue                          lock; P into the idle list; add_idle or search_to_idle; unlock
//     if (should_wake() && begin_wake())           look_again()          // the other half of the race
//       lock; take a P from the idle list;         look into every queue
//       found:  remove_idle; unlock;               found: lock; if our P is still in the list: take it out,
//               wake its M, which now searches            idle_to_search, unlock, go on searching
//       none:   unlock; if (end_search()) again    else sleep; who took our P wakes us, and we search
//
//   Ending a search with work found, and every begin_wake that found no idle P: if (end_search()) wake one more.
//
//   INV-IDLE1  searching <= processors, idle <= processors; idle is the length of the idle list whenever
//              Sched's lock is free.
//   INV-IDLE2  Work that stays in a queue while a P is idle: somebody searches, or is about to look again.
//
// The race is Dekker's: the publisher writes the queue and reads this word, the sleeper writes this word and
// reads the queues. Order policies: PusherFence pays a full fence in every publication; SleeperMembarrier pays
// nothing there and one membarrier for each sleep.
//
// Not chosen: a bit per P (wakes the same P for every item); waking for every item (thundering herd).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sched {

struct PusherFence {
  template <class Env>
  static void after_publish() noexcept {
    Env::fence_seq_cst();
  }
  template <class Env>
  static void after_idle() noexcept {
    Env::fence_seq_cst();
  }
};

struct SleeperMembarrier {
  template <class Env>
  static void after_publish() noexcept {
    Env::light();
  }
  template <class Env>
  static void after_idle() noexcept {
    Env::heavy();
  }
};

template <class Env = base::RealAtomics, class Order = PusherFence>
class IdleWord {
 public:
  struct View {
    uint32_t searching, idle;
  };

  explicit IdleWord(uint32_t processors = 1) noexcept : processors_(processors) {}
  IdleWord(const IdleWord&) = delete;
  IdleWord& operator=(const IdleWord&) = delete;
  // Before the workers start: how many Ps there are from now on.
  void reset(uint32_t processors) noexcept;

  // After work was published: is a wake-up worth trying? An answer "no" is safe: a searcher or a sleeper looks
  // again after the publication.                                                          Signal-safe: yes
  bool should_wake() noexcept;
  // Makes the caller's wake-up the one under way: true gives one search token, which the woken M inherits (it
  // searches without begin_search). False: nobody is idle, or somebody searches.          Signal-safe: yes
  bool begin_wake() noexcept;

  // Asks for a search token: false when half of the busy Ps search already (one is always allowed).
  bool begin_search() noexcept;
  // Gives the token back, with work in hand or with no P found to wake. True: the caller was the last searcher
  // and a P is idle, so it wakes one more (begin_wake, no should_wake needed).
  bool end_search() noexcept;

  // A P went into the idle list, of an M that did not search / that searched in vain.     Sched's lock held.
  void add_idle() noexcept;
  void search_to_idle() noexcept;
  // A P was taken out of the idle list.                                                    Sched's lock held.
  void remove_idle() noexcept;
  // The sleeper takes its own P out again, because it saw work; it searches from here on.  Sched's lock held.
  void idle_to_search() noexcept;
  // Between going idle and the last look into the queues. Without Sched's lock: it may cost microseconds.
  void look_again() noexcept { Order::template after_idle<Env>(); }

  View view() const noexcept { return unpack(word_.load(std::memory_order_relaxed)); }

 private:
  static constexpr uint32_t kSearching = 1;
  static constexpr uint32_t kIdle = 1u << 16;
  static constexpr View unpack(uint32_t word) noexcept { return View{word & 0xffffu, word >> 16}; }

  // Everybody: {idle:16, searching:16}, by single exchanges.
  //   acq_rel on all of them, one rule: a token that changes hands takes along what its holder saw. The checker needs
  //   the release in end_search() (what the last searcher left behind is seen by whoever goes idle after it).
  //   The race with the queues is closed by Order alone, on both sides, and not by the order of this word.
  alignas(64) typename Env::template atomic<uint32_t> word_{0};
  // Constant while workers run.
  uint32_t processors_;
};

// --- the interface ends here ----------------------------------------------------------------------------------

template <class Env, class Order>
void IdleWord<Env, Order>::reset(uint32_t processors) noexcept {
  processors_ = processors;
  word_.store(0, std::memory_order_relaxed);  // relaxed: no worker runs; starting them publishes it
}

template <class Env, class Order>
inline bool IdleWord<Env, Order>::should_wake() noexcept {
  Order::template after_publish<Env>();
  // relaxed: the line above closes the store-load race with look_again(); the value itself is only a hint.
  const View now = unpack(word_.load(std::memory_order_relaxed));
  return now.idle != 0 && now.searching == 0;
}

template <class Env, class Order>
bool IdleWord<Env, Order>::begin_wake() noexcept {
  uint32_t word = word_.load(std::memory_order_relaxed);  // relaxed: the exchange checks it
  while (unpack(word).idle != 0 && unpack(word).searching == 0) {
    if (word_.compare_exchange_weak(word, word + kSearching, std::memory_order_acq_rel, std::memory_order_relaxed)) return true;
  }
  return false;
}

template <class Env, class Order>
bool IdleWord<Env, Order>::begin_search() noexcept {
  uint32_t word = word_.load(std::memory_order_relaxed);  // relaxed: the exchange checks it
  for (;;) {
    const View now = unpack(word);
    const uint32_t busy = processors_ - now.idle;
    if (now.searching >= (busy < 2 ? 1 : busy / 2)) return false;  // INV-IDLE1
    if (word_.compare_exchange_weak(word, word + kSearching, std::memory_order_acq_rel, std::memory_order_relaxed)) return true;
  }
}

template <class Env, class Order>
bool IdleWord<Env, Order>::end_search() noexcept {
  const View before = unpack(word_.fetch_sub(kSearching, std::memory_order_acq_rel));
  // Idle Ps of this very moment: a P that goes idle later looks again after what we were trusted with. INV-IDLE2
  return before.searching == 1 && before.idle != 0;
}

template <class Env, class Order>
void IdleWord<Env, Order>::add_idle() noexcept {
  word_.fetch_add(kIdle, std::memory_order_acq_rel);
}

template <class Env, class Order>
void IdleWord<Env, Order>::search_to_idle() noexcept {
  word_.fetch_add(kIdle - kSearching, std::memory_order_acq_rel);
}

template <class Env, class Order>
void IdleWord<Env, Order>::remove_idle() noexcept {
  word_.fetch_sub(kIdle, std::memory_order_acq_rel);
}

template <class Env, class Order>
void IdleWord<Env, Order>::idle_to_search() noexcept {
  word_.fetch_sub(kIdle - kSearching, std::memory_order_acq_rel);
}

}  // namespace causeway::sched
