// SPDX-License-Identifier: MIT
//
// The queue of an object's waiters, first come, first served: a ring through the Waiters' own links, so that the object needs one word.
//
// That word lies in the object (often in a caller's memory, see causeway/abi.h), is null when nobody waits, and belongs to whoever holds
// the object's lock. A WaitQueue is only a view of it.
//
//   INV-WQ1  Waiter::linked is true exactly while the Waiter is in a ring; it changes under the object's lock.
//
// Not chosen: base::IntrusiveList (two words, and mutexes and events are small).
#pragma once

#include <cstddef>

#include "runtime/base/base.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

using sched::Waiter;

class WaitQueue {
 public:
  explicit WaitQueue(void*& first) noexcept : first_(first) {}

  bool empty() const noexcept { return first_ == nullptr; }

  size_t size() const noexcept {
    size_t n = 0;
    for_each([&](const Waiter&) { ++n; });
    return n;
  }

  void push_back(Waiter& waiter) noexcept {
    base::Link* link = &waiter.link;
    if (first_ == nullptr) {
      link->next = link->prev = link;
      first_ = link;
    } else {
      insert_before(*first(), *link);
    }
    waiter.linked = true;  // INV-WQ1
  }
  void push_front(Waiter& waiter) noexcept {
    push_back(waiter);
    first_ = &waiter.link;
  }

  // Needs: the waiter in this queue.
  void remove(Waiter& waiter) noexcept {
    base::Link* link = &waiter.link;
    CW_DCHECK(waiter.linked && first_ != nullptr, "a waiter that is removed is in the queue: INV-WQ1");
    if (link->next == link) {
      first_ = nullptr;
    } else {
      link->prev->next = link->next;
      link->next->prev = link->prev;
      if (first_ == link) first_ = link->next;
    }
    *link = base::Link{};
    waiter.linked = false;  // INV-WQ1
  }

  // The first waiter, taken out unclaimed. Needs: not empty.
  Waiter& pop() noexcept {
    Waiter& waiter = of(first());
    remove(waiter);
    return waiter;
  }

  template <class Visit>
  void for_each(Visit visit) const {
    if (first_ == nullptr) return;
    base::Link* link = first();
    do visit(of(link));
    while ((link = link->next) != first());
  }

  // The first waiter that this call could claim, taken out, or null. Others before it had their time or stop request first; they are taken
  // out too. The caller owes ready(waiter->who) (INV-W1).
  Waiter* pop_claimed() noexcept {
    while (first_ != nullptr) {
      Waiter& waiter = pop();
      if (sched::claim(waiter)) return &waiter;
    }
    return nullptr;
  }

 private:
  base::Link* first() const noexcept { return static_cast<base::Link*>(first_); }
  static Waiter& of(base::Link* link) noexcept {
    static_assert(offsetof(Waiter, link) == 0);
    return *reinterpret_cast<Waiter*>(link);
  }
  static void insert_before(base::Link& at, base::Link& link) noexcept {
    link.next = &at;
    link.prev = at.prev;
    at.prev->next = &link;
    at.prev = &link;
  }

  void*& first_;
};

// Claimed waiters on their way to ready(): collected under an object's lock, woken after it. A chain through their own links, which nobody
// else touches between the claim and ready().
class WokenList {
 public:
  void add(Waiter& waiter) noexcept {
    waiter.link.next = nullptr;
    *last_ = &waiter.link;
    last_ = &waiter.link.next;
  }
  // Needs: no lock held. Each waiter may be gone as soon as it is ready.
  void ready_all() noexcept {
    for (base::Link* link = first_; link != nullptr;) {
      sched::Parker* who = reinterpret_cast<Waiter*>(link)->who;
      link = link->next;
      sched::ready(who);
    }
  }

 private:
  base::Link* first_ = nullptr;
  base::Link** last_ = &first_;
};

}  // namespace causeway::sync
