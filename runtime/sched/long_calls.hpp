// SPDX-License-Identifier: MIT
//
// The watchdog of CAUSEWAY_CHECK=callback=<seconds>: a call in that lasts longer is logged once (warn): which green thread, on which thread of the
// host, what it does now, and the frames that led there.
//
// No call pays for it: the monitor looks four times per limit which call in is the outermost of each thread, and remembers since when. So a call is
// reported after one limit at the earliest, and a quarter later at the latest. One that only runs is asked for its place by the own signal (hog.hpp),
// and reported without a place if the thread blocks that, or sleeps in a system call, for another quarter.
//
//   INV-LC1  What is read about a call counts only if the same green thread has the same id before and after. Records are never freed, and frames are
//            read inside its own stack only (INV-FR1).
#pragma once

#include <cstdint>

namespace causeway::sched {

struct G;
struct M;

// Owner: the monitor.
class LongCalls {
 public:
  explicit LongCalls(uint64_t limit_ns) noexcept : limit_ns_(limit_ns) {}
  ~LongCalls();
  LongCalls(const LongCalls&) = delete;
  LongCalls& operator=(const LongCalls&) = delete;

  bool on() const noexcept { return limit_ns_ != 0; }
  // How long the monitor may sleep at most while all is idle.
  uint64_t period_ns() const noexcept { return limit_ns_ / 4 + 1; }
  // Looks at all threads if it is time to. Logs; needs: no locks.
  void look(uint64_t now) noexcept;

 private:
  struct Seen {
    uint64_t id = 0;  // of the green thread of the outermost call in; 0: there is none
    uint64_t since_ns = 0;
    enum : uint8_t { kNew, kAsked, kReported } state = kNew;
  };
  Seen* seen_of(uint32_t index) noexcept;
  void look_at(M& m, Seen& seen, uint64_t now) noexcept;

  const uint64_t limit_ns_;
  uint64_t next_look_ns_ = 0;
  Seen* seen_ = nullptr;  // by the number of the M, workers first
  uint32_t room_ = 0;
};

}  // namespace causeway::sched
