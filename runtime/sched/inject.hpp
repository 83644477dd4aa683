// SPDX-License-Identifier: MIT
//
// Foreign injection: where threads without a P leave green threads that became runnable.
//
// Any thread pushes one node with one compare-exchange, also from a signal handler that interrupted another
// push. An M that looks for work takes the whole list with one exchange and turns it round, so nodes come out in
// the order in which they went in.
//
//   INV-INJ1  A node is in at most one list, at most once; between push and take nobody but the list writes its link.
//   INV-INJ2  What one thread pushed comes out in the order of its pushes, over several takes too.
//
// There is no ABA: a push only compares the head with what it put into its own node's link, and nothing is
// taken one by one.
//
// Not chosen: Vyukov's queue (a consumer meets half-linked nodes and has to wait for an interrupted pusher,
// which a signal handler may have interrupted on this very thread).
#pragma once

#include <atomic>

#include "runtime/base/base.hpp"

namespace causeway::sched {

// Faults that the interleaving checker plants; the product takes none.
struct InjectFaults {
  static constexpr bool kRelaxedPush = false;  // the node is published before its link
};

// Next: pointer to the member `T* T::next`; plain, INV-INJ1 says who may touch it.
template <class T, auto Next, class Env = base::RealAtomics, class Faults = InjectFaults>
class InjectList {
 public:
  InjectList() noexcept = default;
  InjectList(const InjectList&) = delete;
  InjectList& operator=(const InjectList&) = delete;

  // Adds one node. True: the list was empty before, so the caller sees to it that somebody comes to look.
  //
  // Stack:       any
  // Needs:       no P, no locks
  // Blocks:      never; tries again only when another thread got through
  // Signal-safe: yes
  bool push(T* node) noexcept { return push_chain(node, node); }

  // Adds nodes first..last, linked by Next in the order in which they shall come out.
  // Signal-safe: yes; the loop over the chain is the caller's bound.
  bool push_all(T* first) noexcept;

  // Takes everything, oldest first, linked by Next; null when there was nothing.        Any M, several at once.
  T* take_all() noexcept;

  // A hint, unless ordered by the idle protocol (idle_word.hpp).
  // acquire: as take_all(), so that a sleeper's look counts as its first look at the nodes.
  bool empty() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }

 private:
  // Newest to oldest from `newest`; `oldest` gets the old head as its link.
  bool push_chain(T* newest, T* oldest) noexcept;

  static_assert(Env::template atomic<T*>::is_always_lock_free, "push is promised to signal handlers");
  // Newest node; each links to the one pushed before it.
  typename Env::template atomic<T*> head_{nullptr};
};

// --- the interface ends here ----------------------------------------------------------------------------------

template <class T, auto Next, class Env, class Faults>
inline bool InjectList<T, Next, Env, Faults>::push_chain(T* newest, T* oldest) noexcept {
  constexpr auto kPublish = Faults::kRelaxedPush ? std::memory_order_relaxed : std::memory_order_release;
  // relaxed, also after a failure: we only store the pointer, we do not look into the node.
  T* head = head_.load(std::memory_order_relaxed);
  do {
    oldest->*Next = head;
    // release: publishes the links and what the nodes hold; pairs with the acquire in take_all(). Later pushes
    // are exchanges too, so they keep this release sequence alive.
  } while (!head_.compare_exchange_weak(head, newest, kPublish, std::memory_order_relaxed));
  return head == nullptr;
}

template <class T, auto Next, class Env, class Faults>
bool InjectList<T, Next, Env, Faults>::push_all(T* first) noexcept {
  // Turn the chain round: the list holds the newest first.
  T* newest = nullptr;
  for (T* node = first; node != nullptr;) {
    T* const next = node->*Next;
    node->*Next = newest;
    newest = node;
    node = next;
  }
  return newest == nullptr ? false : push_chain(newest, first);
}

template <class T, auto Next, class Env, class Faults>
T* InjectList<T, Next, Env, Faults>::take_all() noexcept {
  // acquire: the nodes and their links; pairs with the release of every push since the last take.
  T* node = head_.exchange(nullptr, std::memory_order_acquire);
  T* oldest = nullptr;
  while (node != nullptr) {
    T* const older = node->*Next;
    node->*Next = oldest;
    oldest = node;
    node = older;
  }
  return oldest;
}

}  // namespace causeway::sched
