// SPDX-License-Identifier: MIT
//
// Who runs a callback: all green threads that calls in run on, so that whoever closes one finds the calls that are in it. crossing/callee.hpp has the
// protocol and INV-CA*.
//
// The list is behind a lock that no call in takes: a record is added and removed when an M gets one more, or gives one up.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/sched/green.hpp"

namespace causeway::sched::callees {

// One more record for calls in, and one fewer. By foreign.hpp alone.
void add(G* g) noexcept;
void remove(G* g) noexcept;

// A plain call: managed code called a callback's code pointer on its own stack, without a call out. Rare, so it takes a lock.
// What is noted of it is not on the stack: C code may jump over it (Lua's errors, on a green stack). It is found to be over then at the green thread's next
// plain call from further out, or at its end; Inbound::kPlain, which the jump leaves behind too, says that there is something to look for.
class PlainScope {
 public:
  PlainScope(G* g, const crossing::Callee* callee) noexcept;
  ~PlainScope();
  PlainScope(const PlainScope&) = delete;
  PlainScope& operator=(const PlainScope&) = delete;
  bool ok() const noexcept { return noted_ != nullptr; }  // else there is no memory

 private:
  struct PlainCall* noted_;
};
// g is over, with kPlain set: forgets what it was jumped out of. True: somebody waits for that, as left().
bool plain_over(G* g) noexcept;

// Has each call in that is in `callee` tell of its end; how many there are. Needs: heavy() since its state was stored. They will tell if no call was
// marked, by whomever, since marks() before that heavy(); else heavy() and another look. Blocks: shortly
uint32_t watch(const crossing::Callee* callee) noexcept;
// How many calls were marked so far.
uint64_t marks() noexcept;
// Visits the green threads that are in some callback; one that made plain calls several times. Blocks: shortly; takes no lock of rank Task in there.
void for_each_running(void (*visit)(const G* g, const crossing::Callee* callee, void* arg), void* arg) noexcept;

// Whose the calling code is: the green thread, or the one whose call out the thread is in. Null: nobody's.
const G* caller() noexcept;
// The caller is in the callback, or a callback of the ones that called it is. C code that has jumped out of it is inside still until that is seen
// (skipped.hpp), or, of a plain call, end_jumped_out().
bool inside(const crossing::Callee* callee) noexcept;
// The plain calls that the caller has jumped out of are over. Stack: C, or a green thread's own as user code: it may run destructors
void end_jumped_out() noexcept;

// In a child of fork() that starts anew: nobody is in the list. Those of the parent were not found before (Arena::lost()).
void forget() noexcept;

// Told at the end of a call in that was watched, as C code of its thread: after the call has left the runtime. Set once.
using EndHook = void (*)() noexcept;
void set_end_hook(EndHook hook) noexcept;
// Needs: the thread is in C, on a C stack; a G whose call in is about to end, but is still the M's current one, has its C stack above us. Or managed
// code of a G whose own call in goes on.
void tell_end() noexcept;

// The call in that g runs is over. On every way out: the usual one in bridge/inbound has its own form of it, others (a longjmp that skipped it, an
// unwinding that passed) call this. Needs: nobody else runs g.
// True: somebody waits for it, and is told by the end of the call (bridge/inbound); who has no such end clears kWatched, and calls tell_end() when
// the thread is in C.
CW_ALWAYS_INLINE bool left(G* g) noexcept { return crossing::end_callee<base::RealAtomics>(g->in); }

// g, whose call in was skipped (skipped.hpp), is in no callback any more, unless it comes back. True: somebody waits, as left().
bool skip(G* g) noexcept;
// It comes back. False: it cannot, one of its callbacks was closed meanwhile.
bool come_back(G* g) noexcept;

}  // namespace causeway::sched::callees
