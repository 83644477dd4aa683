// SPDX-License-Identifier: MIT
//
// Deadlock: all green threads sleep, and nothing in the process could wake one. Then waiting longer is of no use, and the process stops with
// a report of every green thread and what it waits for.
//
// Never a false alarm: the report needs proof that nobody is left who could call or post. All Ps idle, no timer armed; every thread that
// the kernel lists is a worker, the monitor, or a plain thread asleep for ever in one of our waits; no POSIX timer exists; no handler of the
// host is installed for an asynchronous signal. Without a task list (no /proc) there is no proof and no report.
#pragma once

#include <cstdint>

namespace causeway::sched {

// Owner: the monitor.
class DeadlockCheck {
 public:
  // Everything seems idle. True: look again soon, there is a suspicion. Does not return if it is a deadlock, seen twice in a row.
  bool look() noexcept;
  void reset() noexcept { suspicions_ = 0; }

 private:
  uint32_t suspicions_ = 0;
};

// One line per green thread: id, name, what it waits for. Through the raw writer, up to `most` lines. Signal-safe: yes.
void print_green_threads(uint32_t most) noexcept;

int monitor_tid() noexcept;

}  // namespace causeway::sched
