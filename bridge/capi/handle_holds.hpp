// SPDX-License-Identifier: MIT
//
// Who has acquired the object of a user's handle, for handle.cc: so that a release waits for the others, refuses what would wait for itself, can say whom
// it waits for, and does not wait in a forked child for who is not there.
//
//   INV-HH1  A Holding changes under the lock of its slot alone, and each call begins there with drop_gone().
//
// A fork, and the restart in a child, begin an era. A child keeps the holds of the thread that forked, and until the restart those of the green threads
// that this thread is below; which is decided when a Holding is next looked at, so that a fork costs the same with a million handles.
#pragma once

#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

// One holder of one object; reused for the next one while the count is 0, and freed with the handle.
struct Hold {
  Hold* next;
  uint64_t holder;  // Caller::id()
  uint64_t count;
};

// A release that waits, on its stack.
struct Releasing {
  sched::ReleaseWait wait;
  cw_abi_event done{};
};

// In the slot's storage.
struct Holding {
  Hold* holds = nullptr;
  Releasing* releasing = nullptr;
  uint32_t era;  // up to which drop_gone() has looked

  Holding() noexcept;
  // Forgets who did not come along into a forked child, also a release that waited in the parent.
  void drop_gone() noexcept;
  // Notes one more hold. False: no memory.
  bool add(uint64_t holder) noexcept;
  Hold* find(uint64_t holder) const noexcept;
  Hold* any() const noexcept;
  void free_all() noexcept;
};

// Who calls: a green thread, also through the C code that it called, else the OS thread. A thread's words have an address of their own as
// long as it lives.
struct Caller {
  const sched::G* g = nullptr;
  uint64_t thread = 0;

  Caller() noexcept;
  uint64_t id() const noexcept;
  // Nobody of these lets go while the caller waits: the callers above it, and the C code of the thread that called in.
  bool is_or_waits_below(uint64_t holder) const noexcept;
};

// In a child of fork(), by its one thread. Allocates nothing, takes no lock.
void forget_holds_in_child() noexcept;
// It starts anew: green threads of the parent hold nothing any more. Needs: none of its own was made.
void forget_holds_of_greens() noexcept;

}  // namespace causeway::capi
