// SPDX-License-Identifier: MIT
//
// Posts: functions to be run later on a green thread, left by any thread and by signal handlers, taken by Ms that look for work.
//
// A bounded ring of cells (after Vyukov): each has a sequence word that says whose turn it is. Zeroed memory is an empty ring, so its pages
// come when they are first used.
//
//   cell.turn == 2 * lap       free for the producer that claims the place in this lap
//   cell.turn == 2 * lap + 1   holds a post of this lap
//
//   INV-PR1  A place is claimed by moving tail_ (producers) or head_ (consumers) with a compare-exchange; who claimed it owns the cell until
//            it stores the next turn.
//   INV-PR2  At most `capacity` posts wait.
//
// A producer that was interrupted between claim and store holds back those that take behind it, not those that post; a signal handler on
// top of it posts behind it. Takers do not wait: they find nothing, and look again (the monitor sees to that).
//
// Not chosen: the inject list, which needs a node of memory for each post, and a handler has none.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::sched {

struct Post {
  cw_fn fn;
  void* arg;
};

// Faults that the interleaving checker plants; the product takes none.
struct PostRingFaults {
  static constexpr bool kTurnFirst = false;  // INV-PR1: a post is published before it is written
  static constexpr bool kFreeFirst = false;  // INV-PR1: a cell is free before its post is read
  static constexpr bool kAllCells = false;   // INV-PR2: the cells alone are the limit
};

template <class Env = base::RealAtomics, class Faults = PostRingFaults>
class PostRing {
 public:
  struct Cell {
    typename Env::template atomic<uint32_t> turn{0};
    // Written by the producer, read by the consumer that own the cell; turn orders them.
    typename Env::template atomic<cw_fn> fn{nullptr};
    typename Env::template atomic<void*> arg{nullptr};
  };

  // `cells`: zeroed, a power of two of them, at least capacity. Before anybody uses it.
  void start(Cell* cells, uint32_t count, uint32_t capacity) noexcept {
    cells_ = cells;
    mask_ = count - 1;
    shift_ = 0;
    while (1u << shift_ < count) ++shift_;
    capacity_ = capacity;
    head_.store(0, std::memory_order_relaxed);
    tail_.store(0, std::memory_order_relaxed);
  }

  // False: full. Signal-safe: yes
  bool push(Post post) noexcept {
    uint64_t at = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      // acquire: the taker is done with the cell; pairs with the release in take().
      const auto ahead = static_cast<int32_t>(cell.turn.load(std::memory_order_acquire) - 2 * lap(at));
      if ((!Faults::kAllCells && at - head_.load(std::memory_order_relaxed) >= capacity_) || ahead < 0) {  // INV-PR2
        const uint64_t now = tail_.load(std::memory_order_relaxed);
        if (now == at) return false;
        at = now;
      } else if (ahead > 0) {
        at = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed, std::memory_order_relaxed)) {
        if constexpr (Faults::kTurnFirst) cell.turn.store(2 * lap(at) + 1, std::memory_order_release);
        cell.fn.store(post.fn, std::memory_order_relaxed);
        cell.arg.store(post.arg, std::memory_order_relaxed);
        cell.turn.store(2 * lap(at) + 1, std::memory_order_release);  // the post; pairs with the acquire in take()
        return true;
      }
    }
  }

  // False: none is ready.
  bool take(Post* out) noexcept {
    uint64_t at = head_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const auto ahead = static_cast<int32_t>(cell.turn.load(std::memory_order_acquire) - (2 * lap(at) + 1));
      if (ahead < 0) {
        const uint64_t now = head_.load(std::memory_order_relaxed);
        if (now == at) return false;
        at = now;
      } else if (ahead > 0) {
        at = head_.load(std::memory_order_relaxed);
      } else if (head_.compare_exchange_weak(at, at + 1, std::memory_order_release, std::memory_order_relaxed)) {
        // release: who finds the ring empty sees what its taker did before; pairs with the acquire in empty().
        if constexpr (Faults::kFreeFirst) cell.turn.store(2 * (lap(at) + 1), std::memory_order_release);
        *out = Post{cell.fn.load(std::memory_order_relaxed), cell.arg.load(std::memory_order_relaxed)};
        cell.turn.store(2 * (lap(at) + 1), std::memory_order_release);  // free; pairs with the acquire in push()
        return true;
      }
    }
  }

  // A hint.
  uint64_t size() const noexcept {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    return tail_.load(std::memory_order_relaxed) - head;
  }
  // Nothing was claimed and not taken. A hint, unless ordered by the idle protocol.
  bool empty() const noexcept { return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire); }

 private:
  uint32_t lap(uint64_t at) const noexcept { return static_cast<uint32_t>(at >> shift_); }

  // --- constant after start() ---
  Cell* cells_ = nullptr;
  uint64_t mask_ = 0;
  unsigned shift_ = 0;
  uint64_t capacity_ = 0;
  // --- producers / takers ---
  alignas(64) typename Env::template atomic<uint64_t> tail_{0};
  alignas(64) typename Env::template atomic<uint64_t> head_{0};
};

}  // namespace causeway::sched
