// SPDX-License-Identifier: MIT
//
// Plain OS threads that sleep in one of our waits. The deadlock check needs to know them: such a thread can wake nobody.
#pragma once

#include <atomic>

#include "runtime/base/base.hpp"

namespace causeway::sched {

// In scope while the calling plain thread sleeps. `for_ever`: no deadline wakes it. `woken`: not zero once somebody has made it ready.
class BlockedThread {
 public:
  BlockedThread(bool for_ever, const std::atomic<uint32_t>& woken) noexcept;
  ~BlockedThread();
  BlockedThread(const BlockedThread&) = delete;
  BlockedThread& operator=(const BlockedThread&) = delete;

  // Is the thread `tid` asleep in a wait of ours without a deadline?
  static bool sleeps_for_ever(int tid) noexcept;

 private:
  base::Link link_;
  int tid_;
  bool for_ever_;
  const std::atomic<uint32_t>& woken_;
  friend struct BlockedThreads;
};

}  // namespace causeway::sched
