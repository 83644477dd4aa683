// SPDX-License-Identifier: MIT
//
// The watcher's post: one of the sleeping Ms sleeps only until the earliest deadline of all wheels and then expires them; and while anybody waits
// for a descriptor it sleeps in the poller (poller.hpp), so that an event wakes it. Inner header of idle.cc and watch.cc.
//
// An M that goes to sleep takes the post if it is free. When the watcher is taken for work, the post stays free while some M holds a P:
// that M takes it when it goes to sleep, looks for events before that and with every 64th decision, and the monitor, which ticks meanwhile,
// sends somebody to the post within two ticks. Only a deadline that is nearer than that is worth a wake-up at once.
//
//   INV-IDLE3  A timer lies on the wheel of a P that an M holds (which looks at it with every decision); or a watcher sleeps no longer than to
//              its deadline; or an M is on its way to the post; or the deadline is at least kNearNs away and the monitor ticks. What slips
//              through (no M left, a green thread that runs for long) the monitor finds at its next tick.
//   INV-IDLE4  While anybody waits for a descriptor: the seat in the poller is taken; or an M holds a P, or is on its way to the post, and the
//              monitor ticks.
//
// Why INV-IDLE4 holds, race by race:
//   A green thread registers while all others go to sleep. Its own M holds a P and counts it before it goes to sleep itself: the count is read
//     under the lock in choose_rest_locked(), by that M or by one that got the P through the lock.
//   A plain thread registers. It counts itself, then looks at the seat. Taken: whoever sits there sees its events, and reads the count when it
//     leaves (a fence on each side: one of the two sees the other). Free: it takes the lock and sends an M to the post.
//   The watcher is taken for work. Whoever takes it gives it a P, so that a P is held; its way out of the poller clears the seat under the lock.
//     Until then the seat counts as taken and nobody else enters: of two that wait in one poll, the wrong one could take the interrupt away.
//   The post is held by an M that sleeps on its futex to a deadline. Then the seat is free, and the next M that goes to sleep takes the
//     post over; the former watcher wakes at its deadline, and finds a P or not, as anybody.
//   A P is freed while every M is busy. start_p() makes an M for the post, or the monitor looks for events (poller_is_unattended).
//   The runtime stops. stop() wakes every M, which interrupts the poll; nobody goes to sleep after `exiting`.
//
// Not chosen: a thread of our own for I/O (we are a guest); filling the post at once (a wake-up for each event of a program that does little: two
// Ms take turns, 5 us of CPU each time).
#pragma once

#include "runtime/sched/poller.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

// Two ticks of the monitor: a free post is filled by then.
inline constexpr uint64_t kNearNs = 20'000'000;

// What an M that goes to sleep in the idle list has to watch for.
struct Rest {
  uint64_t until = kNoDeadline;  // the deadline to wake at; kNoDeadline: none of ours
  bool in_poller = false;        // it has the seat, and sleeps there
  bool retire = false;           // it is one too many: it may end after a while
};

// Decides it, and takes the post and the seat. `quiet`: with the virtual clock, the poller was looked at and nothing came.
// Needs: Scheduler::lock, m in the idle list and without a P
Rest choose_rest_locked(M* m, bool quiet) noexcept;
// Sleeps so. True: somebody left m a token. Green threads that events let run are added to `ready`.
// Needs: no lock. Pairs with: leave_poller_locked() if rest.in_poller
bool take_rest(M* m, const Rest& rest, ReadyList& ready) noexcept;
void leave_poller_locked(M* m) noexcept;

// m is no watcher any more.
void stop_watching_locked(M* m) noexcept;
// Sends an idle M to the post, if it is free and something is due there soon.
void fill_watch_locked() noexcept;
// Is there something to watch for, and nobody at the post? Needs: lock
bool post_is_free_locked() noexcept;
// Sends an M to the post if it is free and a P is idle: an idle M, else a new one. Stack: any. Needs: no lock of rank Sched
void send_to_post() noexcept;

}  // namespace causeway::sched
