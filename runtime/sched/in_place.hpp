// SPDX-License-Identifier: MIT
//
// Green threads with C frames below them (they run a call in): they never leave their OS thread, and wait on it in place.
//
// On a worker such a green thread needs a P to run. While it sleeps its M has none, and is in C for whoever looks at the gate. To get a P it
// takes an idle one, or queues up as a runnable green thread that is locked to its M: who picks it hands its P over (affinity.cc).
#pragma once

#include "runtime/sched/green.hpp"
#include "runtime/sched/machine.hpp"

namespace causeway::sched {

// The M of `g` gives up its P, if it has one, and is in C until the end of the scope; then it has a P again, if it is a worker.
// `frame`: of the function that has the scope, the address of its record; `pc`: where that returns. A walk of g starts there.
// Needs: inside the runtime. Blocks: the end does
class InPlace {
 public:
  InPlace(M* m, G* g, uintptr_t frame, uintptr_t pc) noexcept;
  ~InPlace();
  InPlace(const InPlace&) = delete;
  InPlace& operator=(const InPlace&) = delete;

 private:
  M* m_;
  G* g_;
};

// Lets others run first. Needs: inside the runtime, a worker
void yield_in_place(M* m, G* g) noexcept;

// Gets a P for m, whose green thread g stays where it is. Needs: a worker without P, nothing of ours locked. Blocks: until there is one
void obtain_p_in_place(M* m, G* g) noexcept;

// The green thread below whose call out g came in, and so on outwards; g itself if there is none.
G* outermost(G* g) noexcept;

// A wait of g that a request to stop its outermost() ends.
class OuterStop {
 public:
  OuterStop(G* g, bool cancellable) noexcept : g_(g), root_(cancellable ? outermost(g) : g) {}
  // Links the wait, which is open. True: a stop was requested. Needs: the object's lock
  bool requested() noexcept;
  // After the wait.
  void end() noexcept;

 private:
  G* g_;
  G* root_;
  NestedWait wait_{};
  bool linked_ = false;
};

// Ends the waits below g's calls out. By request_stop().
void cancel_nested_waits(G* g) noexcept;

// A leaf call waits in one of our waits: stops the process with its name.
[[noreturn]] void leaf_waited(const M* m) noexcept;

}  // namespace causeway::sched
