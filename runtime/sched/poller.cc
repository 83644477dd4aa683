// SPDX-License-Identifier: MIT
#include "runtime/sched/poller.hpp"

#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/watch.hpp"

namespace causeway::sched {

namespace detail {
constinit PollerSlot poller_slot;
}

namespace {

using detail::poller_slot;

constexpr uint64_t kBetweenLooksNs = 20'000;  // a look costs 0.2 to 0.5 us: at most some percent of a busy P

std::atomic<uint64_t> last_look_ns{0};  // relaxed everywhere: a hint

const PollerOps* ops() noexcept {
  // acquire: pairs with install_poller(): the descriptors.
  return poller_slot.ops.load(std::memory_order_acquire);
}

void look(ReadyList& ready) noexcept {
  if (const PollerOps* poller = ops()) poller->poll(PollerOps::Seat::Empty, 0, ready);
}

}  // namespace

void install_poller(const PollerOps& given) noexcept {
  // release: the descriptors that it polls; pairs with ops().
  poller_slot.ops.store(&given, std::memory_order_release);
}

void remove_poller() noexcept {
  const PollerOps* poller = ops();
  if (poller == nullptr) return;
  poller->stop();
  poller_slot.ops.store(nullptr, std::memory_order_relaxed);  // relaxed: no M is left
}

void forget_poller() noexcept {
  if (const PollerOps* poller = ops()) poller->forget();
  // relaxed: the child has one thread
  poller_slot.ops.store(nullptr, std::memory_order_relaxed);
  poller_slot.waiters.store(0, std::memory_order_relaxed);
  poller_slot.in_flight.store(0, std::memory_order_relaxed);
}

void interrupt_poller() noexcept {
  if (const PollerOps* poller = ops()) poller->interrupt();
}

void poller_waiter_added(PollParty party) noexcept {
  poller_slot.waiters.fetch_add(1, std::memory_order_relaxed);
  if (party == PollParty::Green) return;
  // The count, then the seat; pairs with the fence in leave_poller_locked(). INV-IDLE4
  base::RealAtomics::fence_seq_cst();
  Scheduler& s = scheduler();
  if (s.poller_seat.load(std::memory_order_relaxed) != nullptr) return;
  send_to_post();
}

void poll_and_wait(uint64_t timeout_ns, ReadyList& ready) noexcept {
  if (const PollerOps* poller = ops()) poller->poll(PollerOps::Seat::Taken, timeout_ns, ready);
}

void poll_if_wanted(PollWhen when, ReadyList& ready) noexcept {
  // relaxed: whoever has the seat sees what we would see.
  if (!poller_has_waiters() || scheduler().poller_seat.load(std::memory_order_relaxed) != nullptr) return;
  const uint64_t now = os::now_ns();
  if (when == PollWhen::NotTooOften && now - last_look_ns.load(std::memory_order_relaxed) < kBetweenLooksNs) return;
  last_look_ns.store(now, std::memory_order_relaxed);
  look(ready);
}

void monitor_poll() noexcept {
  Scheduler& s = scheduler();
  ReadyList ready;
  poll_if_wanted(PollWhen::Always, ready);
  if (ready.count != 0) {
    for (G* g = ready.first; g != nullptr; g = g->next) g->state.store(GState::Runnable, std::memory_order_relaxed);
    push_global(ready.first, ready.last, ready.count);
    if (s.idle.should_wake()) wake_one();
  }
  // A hint: what changes right now is seen by who changes it, or at the next tick.
  if (s.idle.view().idle != 0) send_to_post();
}

bool poller_is_unattended() noexcept { return poller_has_waiters() && scheduler().poller_seat.load(std::memory_order_relaxed) == nullptr; }

}  // namespace causeway::sched
