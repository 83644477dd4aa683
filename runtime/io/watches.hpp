// SPDX-License-Identifier: MIT
//
// The table of descriptors that somebody waits for, by number: who waits, and how the number is registered with epoll.
//
// epoll knows one registration for each pair of number and open file; several waiters of a number share it, and only this table calls epoll_ctl.
//
//   no File    EPOLLONESHOT for what the waiters want; made by the first, taken away with the last. An event disarms it, so what is left
//              behind when a number is closed while somebody waits (and a duplicate keeps the file open) is one event, never a loop.
//   a File     EPOLLET for good; taken away before the File closes its number.
//
// Each arming gives the registration a new generation, which comes back with its events. An event of an older one is ignored: it was on its
// way while its waiters left and others came, or it belongs to a file that had the number before. Whoever is ignored wrongly does not
// exist: arming looks at the file anew, so what is still true becomes an event of the new generation.
//
//   INV-IO1  events == 0: nobody waits. Otherwise epoll holds a registration with `events` and `generation`, as far as the number was not
//            closed behind our back; arm() finds that out (ENOENT, EBADF) and ends the waits of those who waited for what is gone.
//   INV-IO2  A waiter is linked here exactly while it is counted in sched's poller slot, under the stripe's lock.
//   INV-IO3  `file` is null or alive: a File leaves the table before it ends.
//
// The locks are in static storage, a stripe for every 64th number: a plain thread may come back to its waiter after the runtime has stopped. The
// rest exists while the poller does, which each stripe says under its lock (`up`).
//
// Not chosen: a record per wait in epoll_data (a stale event would point to a stack that is gone); a duplicate for each wait (it keeps a
// connection open that the program has closed); pointers to entries in Files (they outlive the runtime).
#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/io/wait.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::io {

class File;

inline constexpr uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLPRI;
inline constexpr uint32_t kWriteEvents = EPOLLOUT;
inline constexpr uint32_t kEnds = EPOLLERR | EPOLLHUP;  // always reported

constexpr uint32_t events_for(Direction direction) noexcept { return direction == Direction::Read ? kReadEvents : kWriteEvents; }

// What is known about one number. Guarded by its stripe's lock; zero bytes are an unused one.
struct Watch {
  using Queue = base::IntrusiveList<sched::Waiter, &sched::Waiter::link>;
  Queue waiting[2];         // by Direction
  File* file = nullptr;     // owns the number, and the registration: INV-IO3
  uint32_t generation = 0;  // of the registration that is armed, or was last
  uint32_t events = 0;      // registered; 0: not at all

  Queue& queue(Direction direction) noexcept { return waiting[static_cast<unsigned>(direction)]; }
  bool nobody() const noexcept { return waiting[0].empty() && waiting[1].empty(); }
  uint32_t wanted() const noexcept { return (waiting[0].empty() ? 0 : kReadEvents) | (waiting[1].empty() ? 0 : kWriteEvents); }
};
static_assert(sizeof(Watch) <= 48, "a connection that waits costs its stack, this, and a File");

// Claimed waiters on their way to ready(): a chain through their own links.
class Woken {
 public:
  void add(sched::Waiter& waiter) noexcept {
    waiter.link = base::Link{first_, nullptr};
    first_ = &waiter.link;
  }
  bool empty() const noexcept { return first_ == nullptr; }
  // Each waiter may be gone as soon as it is ready. Needs: inside the runtime (a WaitScope)
  void ready_all() noexcept;
  // From a poll(): green threads to the list, plain threads are woken here.
  void ready_all(sched::ReadyList& list) noexcept;

 private:
  static_assert(offsetof(sched::Waiter, link) == 0);
  template <class Fn>
  void for_each(Fn fn) noexcept {
    while (first_ != nullptr) {
      auto* waiter = reinterpret_cast<sched::Waiter*>(first_);
      first_ = first_->next;
      fn(waiter->who);
    }
  }
  base::Link* first_ = nullptr;
};

struct alignas(64) Stripe {
  base::Lock lock{base::LockRank::Object};
  bool up = false;  // the poller and the table exist; guarded by lock
};

Stripe& stripe_of(int fd) noexcept;

// --- needs the number's stripe, and that it is up ---

// The watch of a number, or null if nobody ever waited for it; the second makes it, null: no memory.
Watch* find_watch(int fd) noexcept;
Watch* make_watch(int fd) noexcept;
// Registers the number for `events` (with EPOLLET or EPOLLONESHOT), under a new generation. 0 or -errno. If the number turns out to be closed, or
// used again, those who waited for what it was are claimed with CW_E_CLOSED, and `file` is null.
int arm(Watch& watch, int fd, uint32_t events, Woken& woken) noexcept;
void disarm(Watch& watch, int fd) noexcept;
// Unlinks all waiters of a direction; those that can be claimed get the status and go to `woken`.
void wake_all(Watch& watch, Direction direction, cw_status status, Woken& woken) noexcept;
inline void wake_all(Watch& watch, cw_status status, Woken& woken) noexcept {
  wake_all(watch, Direction::Read, status, woken);
  wake_all(watch, Direction::Write, status, woken);
}
// Links a waiter, parks, and is back when the wait is over; the lock is free then. The waker's status, CW_E_TIMEOUT or CW_E_CANCELLED.
// Needs: the number armed for the direction
cw_status park(sched::WaitScope& scope, Stripe& stripe, Watch& watch, int fd, Direction direction, Limits& limits) noexcept;

// --- for the poller ---

// Memory for the table, and its end. False: no memory. Needs: no stripe is up
bool open_table() noexcept;
void close_table() noexcept;
void set_stripes_up(int epoll) noexcept;
// Ends all waits with CW_E_STOPPED; afterwards no stripe is up.
void take_stripes_down() noexcept;
// In a child of fork(): without a look at who waits.
void forget_stripes() noexcept;
// One event of epoll.
void dispatch(const epoll_event& event, sched::ReadyList& ready) noexcept;

}  // namespace causeway::io
