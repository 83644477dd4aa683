// SPDX-License-Identifier: MIT
#include "runtime/sched/stop_point.hpp"

#include "arch/arch.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/wait.hpp"

namespace causeway::sched {

void request_stop(StopPoint& point) noexcept {
  // Inside before the point is marked, for entering may take its time; and on a green thread never a switch, which MayWait could make
  // (INV-SP4). A plain thread has no such choice, and NeverWaits would cost it the ordinary wake-up.
  const WaitScope scope(this_m() != nullptr ? WaitScope::Kind::NeverWaits : WaitScope::Kind::MayWait);
  if (Parker* who = point.request()) ready(who);
}

void leave(StopPoint& point) noexcept {
  constexpr uint32_t kSpins = 100;     // the requester runs some dozen instructions
  constexpr uint64_t kNapNs = 50'000;  // it was preempted
  point.leave([](uint32_t n) {
    if (n < kSpins) {
      arch::relax();
      return;
    }
    // Nobody wakes us, nor has to: the word is our own, and the nap short.
    const std::atomic<uint32_t> nobody{0};
    os::futex_wait(nobody, 0, kNapNs);
  });
}

}  // namespace causeway::sched
