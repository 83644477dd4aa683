// SPDX-License-Identifier: MIT
//
// The stack lock of a green thread: held while something changes that a walker of its stack relies on: its bounds, its saved context, whether there is
// a stack at all. One byte in the G.
//
// Nobody ever waits for it. A signal handler that wants to walk may have interrupted the very thread that holds it, so it only tries, and goes without
// the traceback. Who walks with the world stopped, or on the green thread's own behalf, needs it not: then nobody changes anything.
//
//   INV-SL1  The changes are made by whoever has the green thread to itself: it does not run anywhere else meanwhile. So they exclude each other
//            already, and the holder stores; only those that try need an exchange.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sched {

class StackLock {
 public:
  // For the changes. Needs: the green thread is the caller's (INV-SL1). No exchange: a spawn and a warm end pass here.
  class Change {
   public:
    explicit Change(StackLock& lock) noexcept : lock_(lock) {
      lock_.held_.store(1, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread; others see it with the green thread
    }
    ~Change() { lock_.held_.store(0, std::memory_order_release); }  // release: the changes; pairs with try_lock()
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    StackLock& lock_;
  };

  // For a walk. False: without one.                                                                    Signal-safe: yes
  [[nodiscard]] bool try_lock() noexcept { return held_.exchange(1, std::memory_order_acquire) == 0; }
  void unlock() noexcept { held_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint8_t> held_{0};
};

}  // namespace causeway::sched
