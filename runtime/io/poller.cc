// SPDX-License-Identifier: MIT
#include "runtime/io/poller.hpp"

#include <atomic>
#include <cerrno>
#include <optional>

#include "runtime/io/watches.hpp"

namespace causeway::io {

namespace {

constexpr uint64_t kInterrupt = UINT64_MAX;  // no number is that high
constexpr int kBatch = 128;                  // events for one look: 1.5 KiB of stack; what is left over comes with the next

struct Poller {
  base::Lock lock{base::LockRank::Runtime};  // one maker at a time
  std::atomic<bool> up{false};               // release: all that is below
  int epoll = -1;
  int event = -1;
};
constinit Poller poller;
CW_STATIC_LOCK(poller.lock);

void poll(sched::PollerOps::Seat seat, uint64_t timeout_ns, sched::ReadyList& ready) noexcept {
  epoll_event events[kBatch];
  const int n = os::epoll_wait_some(poller.epoll, events, kBatch, timeout_ns);
  if (n > 0) sched::events_found(ready);
  for (int i = 0; i < n; ++i) {
    if (events[i].data.u64 != kInterrupt) dispatch(events[i], ready);
    else if (seat == sched::PollerOps::Seat::Taken) os::event_clear(poller.event);  // INV-POLL1
  }
}

void interrupt() noexcept { os::event_raise(poller.event); }

void close_descriptors() noexcept {
  if (poller.event >= 0) os::close_descriptor(poller.event);
  if (poller.epoll >= 0) os::close_descriptor(poller.epoll);
  poller.epoll = poller.event = -1;
}

void stop() noexcept {
  poller.up.store(false, std::memory_order_relaxed);  // relaxed: each stripe says it again under its lock
  take_stripes_down();
  close_table();
  close_descriptors();
}

void forget() noexcept {
  poller.up.store(false, std::memory_order_relaxed);  // relaxed: one thread
  forget_stripes();
  close_table();
  close_descriptors();
}

constexpr sched::PollerOps kOps{&poll, &interrupt, &stop, &forget};

// Needs: the runtime stays up meanwhile.
base::Result<void> make() noexcept {
  const base::LockGuard guard(poller.lock);
  if (poller.up.load(std::memory_order_relaxed)) return {};  // relaxed: written under the lock, or by stop(), before this run
  const char* const hint = "io: the poller's descriptors cannot be made; close some, or raise RLIMIT_NOFILE";
  poller.epoll = os::epoll_create_one();
  poller.event = poller.epoll >= 0 ? os::event_create_one() : -1;
  int failed = poller.epoll < 0 ? -poller.epoll : poller.event < 0 ? -poller.event : 0;
  if (failed == 0) failed = -os::epoll_change(poller.epoll, EPOLL_CTL_ADD, poller.event, EPOLLIN, kInterrupt);
  if (failed != 0) {
    close_descriptors();
    return base::fail(failed == ENOMEM ? CW_E_NOMEM : CW_E_SYSTEM, hint, failed);
  }
  if (!open_table()) {
    close_descriptors();
    return base::fail(CW_E_NOMEM, "io: no address space for the table of descriptors", ENOMEM);
  }
  set_stripes_up(poller.epoll);
  sched::install_poller(kOps);
  poller.up.store(true, std::memory_order_release);
  return {};
}

}  // namespace

base::Result<void> ensure_poller() noexcept {
  // acquire: pairs with the release in make(). For a plain thread a hint: the stripe has the last word.
  if (poller.up.load(std::memory_order_acquire)) return {};
  if (sched::this_m() != nullptr) {
    // Not to lose the P with the lock held, and not from a signal handler that interrupted its holder.
    const sched::WaitScope scope;
    if (scope.async()) return base::fail(CW_E_ASYNC, "io: not from a signal handler");
    return make();
  }
  const sched::ForeignCall call;
  if (!call.ok()) return base::fail(CW_E_NOT_READY, "io: no runtime is running");
  return make();
}

}  // namespace causeway::io
