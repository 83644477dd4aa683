// SPDX-License-Identifier: MIT
//
// Risks: a ring that breaks when its first, last or only waiter leaves; a waiter whose wait has ended being served.
#include "runtime/sync/wait_queue.hpp"

#include "doctest/doctest.h"

namespace causeway::sync {
namespace {

// A waiter with a party of its own, whose wait is open.
struct OpenWaiter : Waiter {
  sched::Parker party;
  OpenWaiter() {
    who = &party;
    ticket = party.claim.begin(sched::Claimers::Timer);
  }
};

TEST_CASE("wait_queue: waiters come out in their order, save for one that goes to the front") {
  void* word = nullptr;
  WaitQueue queue(word);
  CHECK(queue.empty());
  CHECK(queue.pop_claimed() == nullptr);
  OpenWaiter a, b, c;
  queue.push_back(a);
  queue.push_back(b);
  queue.push_front(c);
  CHECK(queue.size() == 3);
  CHECK(queue.pop_claimed() == &c);
  CHECK(queue.pop_claimed() == &a);
  CHECK(queue.pop_claimed() == &b);
  CHECK(word == nullptr);
}

TEST_CASE("wait_queue: any waiter can leave") {
  for (int leaver = 0; leaver < 3; ++leaver) {
    CAPTURE(leaver);
    void* word = nullptr;
    WaitQueue queue(word);
    OpenWaiter waiters[3];
    for (OpenWaiter& waiter : waiters) queue.push_back(waiter);
    queue.remove(waiters[leaver]);
    CHECK_FALSE(waiters[leaver].linked);
    CHECK(queue.size() == 2);
    for (int i = 0; i < 3; ++i)
      if (i != leaver) CHECK(queue.pop_claimed() == &waiters[i]);
    CHECK(queue.empty());
  }
}

TEST_CASE("wait_queue: a waiter whose wait has ended is taken out and passed over (INV-W2)") {
  void* word = nullptr;
  WaitQueue queue(word);
  OpenWaiter late, next;
  queue.push_back(late);
  queue.push_back(next);
  CHECK(late.party.claim.claim(late.ticket, sched::WaitEnd::TimedOut));
  CHECK(queue.pop_claimed() == &next);
  CHECK_FALSE(late.linked);
  CHECK(queue.empty());
}

}  // namespace
}  // namespace causeway::sync
