// SPDX-License-Identifier: MIT
//
// Callee: what a call in runs, when it is a callback that may be closed: the part of a callback's record that the rows below the bridge know.
//
//   a call in                                     who closes
//     Inbound::callee = this                        state |= kClosed
//     light                                         heavy
//     state == its type: runs the target            looks at Inbound::callee of all green threads that run calls in (sched/callees.hpp)
//     Inbound::callee = null; light; rare?          sets Inbound::kWatched where it found itself, heavy, looks again; waits to be told
//
// The steps are in callee_steps.hpp and closure/idle.hpp; tests/cpp/interleave/close_test.cc runs them in every order.
//
//   INV-CA1  A call in that runs the target has published its callee before it read `state`, and keeps it until the target has returned: so who
//            has stored kClosed and then, after heavy, finds no green thread with this callee, knows that nobody runs it nor will.
//   INV-CA2  A call in takes its callee back before it looks at `rare`; who watches knows that kWatched was set, by whomever, before the heavy that
//            comes before his last look at the callee. (A mark that another watcher sets between the two may come too late for a call whose
//            end that look does not see yet.)
//   INV-CA3  Records are never freed. `state` names the type of what is called, so that a call that was on its way in while the record was
//            used again never runs one type's code with another one's data.
//   INV-CA4  While kFresh is set no call in has begun: the first one clears it by an exchange, and fails if the callback was closed before.
//   INV-CA5  The end of a call in clears `rare` before the next call's callee can be seen. So who finds a call marked after its callee was there, by
//            himself or by another, knows that the mark is that call's, or comes before its look at `rare`: no earlier call takes it away again. (On
//            aarch64 a relaxed store may overtake the clearing; on x86-64 nothing does.)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arch/arch.hpp"

namespace causeway::crossing {

struct alignas(64) Callee {
  static constexpr uintptr_t kFresh = 1, kClosed = 2, kBits = 7;

  // --- what a stub finds: where it jumps to, and two words for that. Constant while the callback lives ---
  void (*thunk)(void) = nullptr;
  void* words[2] = {};
  // The type (an address) and bits. 0: free.
  std::atomic<uintptr_t> state{0};
  void* closure = nullptr;          // what the target works with
  std::atomic<uint64_t> number{0};  // what C was given for it: its user data. 0: nothing
  // --- for reports ---
  std::atomic<char> name[32]{};  // ended by a 0; relaxed everywhere: a report may see the name that the record gets next

  template <class Text>
  void append_name(Text& text) const noexcept {
    for (const auto& each : name) {
      const char c = each.load(std::memory_order_relaxed);
      if (c == '\0') break;
      text.append({&c, 1});
    }
  }
};
static_assert(offsetof(Callee, thunk) == 0, "a stub jumps to the first word of its data (arch/arch.hpp)");

}  // namespace causeway::crossing
