// SPDX-License-Identifier: MIT
//
// The stall report of CAUSEWAY_CHECK=stall=<seconds>: each wait that lasts longer is logged once (warn): who waits, for what, since when, the frames
// that led there, and who holds it if it is a mutex.
//
// No wait pays for it: the monitor looks at the tickets of all green threads four times per limit and remembers since when it sees each one
// open. So a wait is reported after one limit at the earliest, and a quarter later at the latest.
//
//   INV-ST1  What is read about a green thread counts only if the same ticket of the same record is open before and after it was read: then it was
//            parked all the time. Memory of the host is read through os::read_memory, for the object of a wait that has ended may be gone.
#pragma once

#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sched {

struct G;

// Owner: the monitor.
class StallWatch {
 public:
  explicit StallWatch(uint64_t limit_ns) noexcept : limit_ns_(limit_ns) {}
  ~StallWatch();
  StallWatch(const StallWatch&) = delete;
  StallWatch& operator=(const StallWatch&) = delete;

  bool on() const noexcept { return limit_ns_ != 0; }
  // How long the monitor may sleep at most while all is idle.
  uint64_t period_ns() const noexcept { return limit_ns_ / 4 + 1; }
  // Looks at all waits if it is time to. Logs; needs: no locks.
  void look(uint64_t now) noexcept;

  // How long `g` has been seen in its present wait; 0: not known.
  uint64_t seen_for(const G* g, uint64_t now) const noexcept;

 private:
  struct Seen {
    uint64_t ticket = 0;
    uint64_t since_ns = 0;
    uint32_t generation = 0;
    bool reported = false;
  };
  bool grow(uint32_t want) noexcept;

  const uint64_t limit_ns_;
  uint64_t next_look_ns_ = 0;
  Seen* seen_ = nullptr;  // by the record's index
  uint32_t room_ = 0;
};

using WaitText = base::TextBuffer<320>;

// Appends what a wait is for: `channel receive 0x7f…`, `the end of green thread 5 "reader"`, `mutex 0x7f…, held by green thread 5 "writer"`,
// `the release of a handle, held by …`.
// `object`: see WaitOptions::object. What the object says is read without a fault, and is true only if the wait is still under way.
void append_wait(WaitText& text, const char* what, const void* object) noexcept;
// The same of a parked green thread.
void append_wait(WaitText& text, const G* g) noexcept;

}  // namespace causeway::sched
