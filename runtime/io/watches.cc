// SPDX-License-Identifier: MIT
#include "runtime/io/watches.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "runtime/io/file.hpp"

namespace causeway::io {

namespace {

constexpr unsigned kStripes = 64;
constexpr size_t kChunk = 256;  // 12 KiB of watches
constexpr size_t kChunks = (size_t{1} << 31) / kChunk;

constinit Stripe stripes[kStripes];
CW_STATIC_LOCK_ARRAY(stripes[0].lock, kStripes, sizeof(Stripe));

// Exists while stripes are up. A chunk is published by exchange: its numbers belong to all stripes.
struct Table {
  std::atomic<Watch*>* chunks = nullptr;  // address space for all of them; touched where descriptors are
  std::atomic<size_t> end{0};             // chunks below it may exist
  int epoll = -1;
  pid_t owner = 0;  // the process that made it
};
constinit Table table;

constexpr uint64_t pack(int fd, uint32_t generation) noexcept { return uint64_t{generation} << 32 | static_cast<uint32_t>(fd); }

// In a child of fork() the epoll instance is still the parent's: to take a number out there would take it from the parent.
int change(const Watch& watch, int operation, int fd, uint32_t events) noexcept {
  if (getpid() != table.owner) return -ECHILD;
  return os::epoll_change(table.epoll, operation, fd, events, pack(fd, watch.generation));
}

}  // namespace

void Woken::ready_all() noexcept {
  for_each([](sched::Parker* who) { sched::ready(who); });
}

void Woken::ready_all(sched::ReadyList& list) noexcept {
  for_each([&](sched::Parker* who) {
    if (who->g != nullptr) list.add(who->g);
    else sched::ready(who);
  });
}

Stripe& stripe_of(int fd) noexcept { return stripes[static_cast<unsigned>(fd) % kStripes]; }

Watch* find_watch(int fd) noexcept {
  const auto n = static_cast<unsigned>(fd);
  // acquire: the zeroed chunk; pairs with the release in make_watch().
  Watch* chunk = table.chunks[n / kChunk].load(std::memory_order_acquire);
  return chunk != nullptr ? &chunk[n % kChunk] : nullptr;
}

Watch* make_watch(int fd) noexcept {
  if (Watch* there = find_watch(fd)) return there;
  const size_t at = static_cast<unsigned>(fd) / kChunk;
  auto* chunk = static_cast<Watch*>(std::calloc(kChunk, sizeof(Watch)));
  if (chunk == nullptr) return nullptr;
  size_t end = table.end.load(std::memory_order_relaxed);  // relaxed: read under all stripes' locks, one after the other
  while (end <= at && !table.end.compare_exchange_weak(end, at + 1, std::memory_order_relaxed)) {}
  Watch* other = nullptr;
  // release: the zeroes; pairs with the acquire in find_watch().
  if (!table.chunks[at].compare_exchange_strong(other, chunk, std::memory_order_acq_rel, std::memory_order_acquire)) std::free(chunk);
  return find_watch(fd);
}

int arm(Watch& watch, int fd, uint32_t events, Woken& woken) noexcept {
  const bool known = watch.events != 0;
  ++watch.generation;
  int answer = change(watch, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events);
  if (known && (answer == -ENOENT || answer == -EBADF)) {  // closed behind our back; ENOENT: and used again
    wake_all(watch, CW_E_CLOSED, woken);
    watch.file = nullptr;
    watch.events = 0;
    if (answer == -ENOENT) answer = change(watch, EPOLL_CTL_ADD, fd, events);
  }
  // Left behind under this number by a wait for the same open file, when the number was closed and a duplicate was not.
  if (answer == -EEXIST) answer = change(watch, EPOLL_CTL_MOD, fd, events);
  if (answer < 0) {
    if (watch.events != 0) --watch.generation;  // the old registration stands
    return answer;
  }
  watch.events = events;
  return 0;
}

void disarm(Watch& watch, int fd) noexcept {
  if (watch.events == 0) return;
  watch.events = 0;
  static_cast<void>(change(watch, EPOLL_CTL_DEL, fd, 0));  // fails if the number was closed: then it is gone, or was disarmed by its event
}

void wake_all(Watch& watch, Direction direction, cw_status status, Woken& woken) noexcept {
  uint32_t gone = 0;
  while (sched::Waiter* waiter = watch.queue(direction).pop_back()) {
    waiter->linked = false;  // INV-IO2
    ++gone;
    if (!sched::claim(*waiter)) continue;  // its time or stop request came first; it sees that it is unlinked
    waiter->tag = static_cast<uint32_t>(status);
    woken.add(*waiter);
  }
  if (gone != 0) sched::poller_waiters_gone(gone);
}

cw_status park(sched::WaitScope& scope, Stripe& stripe, Watch& watch, int fd, Direction direction, Limits& limits) noexcept {
  sched::Waiter waiter;
  scope.prepare(waiter, {.deadline_ns = limits.deadline(),
                         .cancellable = true,
                         .what = direction == Direction::Read ? "a descriptor to become readable" : "a descriptor to become writable",
                         .stop = limits.stop});
  watch.queue(direction).push_back(&waiter);
  waiter.linked = true;
  sched::poller_waiter_added(scope.on_green() ? sched::PollParty::Green : sched::PollParty::Plain);
  const sched::WaitEnd end = scope.park_and_unlock(stripe.lock);
  if (end == sched::WaitEnd::Woken) return static_cast<cw_status>(waiter.tag);
  {
    const base::LockGuard guard(stripe.lock);
    if (waiter.linked) {  // so this is still the poller that we waited in: its end unlinks everybody
      Watch& same = *find_watch(fd);
      same.queue(direction).remove(&waiter);
      sched::poller_waiters_gone(1);
      if (same.file == nullptr && same.nobody()) disarm(same, fd);
    }
  }
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

bool open_table() noexcept {
  table.owner = getpid();
  table.chunks = static_cast<std::atomic<Watch*>*>(os::map_reserve(kChunks * sizeof(std::atomic<Watch*>)));
  return table.chunks != nullptr;
}

void close_table() noexcept {
  const size_t end = table.end.load(std::memory_order_relaxed);
  for (size_t i = 0; i < end; ++i) std::free(table.chunks[i].load(std::memory_order_relaxed));
  table.end.store(0, std::memory_order_relaxed);
  if (table.chunks != nullptr) os::unmap(table.chunks, kChunks * sizeof(std::atomic<Watch*>));
  table.chunks = nullptr;
}

void set_stripes_up(int epoll) noexcept {
  table.epoll = epoll;
  for (Stripe& stripe : stripes) {
    const base::LockGuard guard(stripe.lock);
    stripe.up = true;
  }
}

void take_stripes_down() noexcept {
  for (unsigned i = 0; i < kStripes; ++i) {
    Woken woken;
    {
      const base::LockGuard guard(stripes[i].lock);
      stripes[i].up = false;
      const size_t end = table.end.load(std::memory_order_relaxed);  // relaxed: whoever raised it for this stripe held its lock
      for (size_t fd = i; fd < end * kChunk; fd += kStripes) {
        Watch* watch = find_watch(static_cast<int>(fd));
        if (watch != nullptr) wake_all(*watch, CW_E_STOPPED, woken);
      }
    }
    sched::ReadyList none;
    woken.ready_all(none);
    CW_CHECK(none.count == 0, "no green thread waits for a descriptor when the runtime has stopped");
  }
}

void forget_stripes() noexcept {
  for (Stripe& stripe : stripes) stripe.up = false;
}

void dispatch(const epoll_event& event, sched::ReadyList& ready) noexcept {
  const auto fd = static_cast<int>(static_cast<uint32_t>(event.data.u64));
  const auto generation = static_cast<uint32_t>(event.data.u64 >> 32);
  Woken woken;
  {
    const base::LockGuard guard(stripe_of(fd).lock);
    Watch* watch = find_watch(fd);
    if (watch == nullptr || watch->events == 0 || watch->generation != generation) return;  // of something that is over
    if (watch->file != nullptr) watch->file->note_locked(event.events);
    if ((event.events & (kReadEvents | kEnds)) != 0) wake_all(*watch, Direction::Read, CW_OK, woken);
    if ((event.events & (kWriteEvents | kEnds)) != 0) wake_all(*watch, Direction::Write, CW_OK, woken);
    if (watch->file == nullptr) {
      if (watch->nobody()) {
        disarm(*watch, fd);
      } else if (os::epoll_change(table.epoll, EPOLL_CTL_MOD, fd, watch->wanted() | EPOLLONESHOT, pack(fd, ++watch->generation)) != 0) {
        wake_all(*watch, CW_E_CLOSED, woken);  // not for arm(): a file that has the number by now is not theirs
        watch->events = 0;
      }
    }
  }
  woken.ready_all(ready);
}

}  // namespace causeway::io
