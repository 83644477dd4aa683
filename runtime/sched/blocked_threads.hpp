// SPDX-License-Identifier: MIT
//
// Plain OS threads that sleep in one of our waits. The deadlock check needs to know them: such a thread can wake nobody. Reports name them.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/sched/frames.hpp"

namespace causeway::sched {

// In scope while the calling plain thread sleeps on the futex word `woken`, which is not zero once somebody has made it ready.
class BlockedThread {
 public:
  struct Wait {
    const char* what;    // constant text
    const void* object;  // null: none to be named
    bool for_ever;       // no deadline wakes it
  };
  BlockedThread(const Wait& wait, const std::atomic<uint32_t>& woken) noexcept;
  ~BlockedThread();
  BlockedThread(const BlockedThread&) = delete;
  BlockedThread& operator=(const BlockedThread&) = delete;

  // Is the thread `tid` asleep in a wait of ours without a deadline, and not made ready? *word: what it must be asleep on.
  static bool sleeps_for_ever(int tid, uintptr_t* word) noexcept;
  // Rises with each thread that begins or ends such a sleep: the same before and after a look means that the look was at one state.
  static uint64_t changes() noexcept;

  // One line for each, through the raw writer, up to `most`.
  static void print(uint32_t most) noexcept;
  // Logs those that sleep for longer than `limit_ns`, each once. Needs: option stall.
  static void report_stalls(uint64_t limit_ns, uint64_t now) noexcept;

 private:
  base::Link link_;
  const Wait wait_;
  const int tid_;
  const std::atomic<uint32_t>& woken_;
  const uint64_t since_ns_;
  bool reported_ = false;  // guarded by the list's lock
  Frames frames_;          // read when it went to sleep, with option stall only
  friend struct BlockedThreads;
};

}  // namespace causeway::sched
