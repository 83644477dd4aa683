// SPDX-License-Identifier: MIT
//
// Deadlock: all green threads sleep, and nothing in the process could wake one. Then waiting longer is of no use, and the process stops with
// a report of every green thread and of every plain thread that sleeps in one of our waits: who, what it waits for, on which object.
//
// Never a false alarm: the report needs proof that nobody is left who could call or post.
//
//   INV-DL1  Nothing of ours runs or will run by itself: all Ps idle, all queues empty, no hog, no timer armed, nobody waits for a descriptor.
//   INV-DL2  Every thread that the kernel lists is the monitor, a worker, or a plain thread that the kernel says sleeps on the very futex
//            word of a wait of ours that has no deadline, and that nobody has made ready. Two lists, before and after the look, are the same, and no
//            plain thread has begun or ended a sleep in between: so there was one moment at which all of them slept, and a thread that is
//            just being created shows in the second list.
//   INV-DL3  Nothing that is no thread of the process can act in it: no POSIX timer, no debugger, and no handler of the host's for a signal that
//            may come from outside. (That a handler has posted so far proves nothing about the next signal: that there is none does.)
//   INV-DL4  INV-DL1 holds again after all that, and all of it three times in a row, a tick apart.
//
// What cannot be read is no proof: without a task list there is no report.
#pragma once

#include <cstdint>

namespace causeway::sched {

class StallWatch;

// Owner: the monitor.
class DeadlockCheck {
 public:
  explicit DeadlockCheck(const StallWatch& stalls) noexcept : stalls_(stalls) {}
  // Everything seems idle. True: look again after a tick, there is a suspicion. Does not return if it is a deadlock.
  bool look() noexcept;
  void reset() noexcept;
  // Until when the monitor may sleep: some thread that could still act may end without telling us. UINT64_MAX: for ever.
  uint64_t patience_ns() const noexcept { return patience_ns_; }

 private:
  const StallWatch& stalls_;
  uint32_t suspicions_ = 0;
  uint64_t patience_ns_ = UINT64_MAX;
};

// One line per green thread: id, name, what it waits for. Through the raw writer, up to `most` lines. `stalls`: may be null.
void print_green_threads(uint32_t most, const StallWatch* stalls) noexcept;

int monitor_tid() noexcept;
// INV-DL1, from the monitor.
bool all_idle() noexcept;

}  // namespace causeway::sched
