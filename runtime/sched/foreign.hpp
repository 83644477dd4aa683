// SPDX-License-Identifier: MIT
//
// The Ms of foreign threads: host threads that call in. An M is borrowed at a thread's first call, stays bound to it, and is given back when
// the thread ends (needm and dropm of cgo, once per thread).
//
//   spare ──borrow_m()──► bound: the thread's second word points to it ──give_back_m()──► spare (last in, first out)
//
// A bound M is in C with kIdleAnchor, or inside calls in. It has no P: its green threads run at once and put the thread to sleep when they
// wait. The records live as long as the process and outlast every runtime; a stop shuts them (kSlow in the gate's poll), and the next call
// of the thread goes the slow way, admit(), which looks whether there is a runtime.
//
//   INV-FM1  An M is bound to one thread at a time; only that thread touches its owner's fields.
//   INV-FM2  kSlow of a foreign M is set under the table's lock by stop() and by its making, and cleared under it by admit() while a runtime
//            runs. So after stop() has set it, and heavy, nobody comes in who is not seen: anchor 0, or inside > 0.
//   INV-FM3  An M that is given back has anchor kIdleAnchor, and no call in of its own in progress.
//   INV-FM4  M::binding is odd while the M is bound. Who takes an M from a dead thread moves it on from the value that he read before he looked
//            whether the thread is dead: so nobody takes one that was given back meanwhile.
//
// Spare maker: whoever takes the last spare makes one more before its call, so that a thread that follows finds one.
#pragma once

#include <cstdint>

#include "causeway/causeway.h"
#include "runtime/sched/machine.hpp"

namespace causeway::sched::foreign {

inline M* bound_m(const os::ThreadWords& words) noexcept {
  return (words.note & (os::note::kText | os::note::kUnbound)) == 0 ? reinterpret_cast<M*>(words.note & ~os::note::kFlags) : nullptr;
}
// After binding a thread: so that a warm call in need not ask whether crossing::float_apart().
void mark_float_apart(os::ThreadWords* words) noexcept;

// The text of the calling thread's last error: a buffer from malloc, or null.
char* thread_text() noexcept;
// Gives the thread one, and frees it when the thread ends. False: that could not be arranged, the buffer stays the caller's.
bool keep_thread_text(char* buffer) noexcept;

// Binds the calling thread, which is not bound. *per_call: there is no way to notice its end (no pthread key, or it is ending): the caller
// gives the M back after the call.
// Errors:      CW_E_NOMEM, CW_E_LIMIT (max_foreign)
// Allocates:   when there is no spare. Signal-safe: no
enum class Limited : uint8_t { Yes, No };  // by max_foreign
cw_status borrow_m(M** out, bool* per_call, Limited limited = Limited::Yes) noexcept;
// Unbinds the calling thread. Needs: bound, no managed code below.
void give_back_m(M* m) noexcept;

// After the poll word said that something is wanted: waits, refuses, or clears the way. The M is in C, at `anchor`, and stays so.
// Errors: CW_E_NOT_READY (no runtime), CW_E_STOPPED.
cw_status admit(M* m) noexcept;

// A record with a warm stack for a call in on m. Null: no memory, or max_green.
G* make_call_green(M* m) noexcept;
// One too many, or at the end of the runtime.
void free_call_green(G* g) noexcept;

// Is sp in the own stack of another bound thread?
bool own_stack_of_another(const M* m, uintptr_t sp) noexcept;

// --- a stop of the world, halt.hpp ---
// Every M that there ever was: [0, count()).
uint32_t count() noexcept;
M* by_id(uint32_t id) noexcept;
// Where they are, for layout.hpp.
struct Places {
  static constexpr uint32_t kPerChunk = 256, kChunks = 4096;  // a million foreign threads at one time
  const std::atomic<M**>* chunks;
  const std::atomic<uint32_t>* count;
};
extern const Places places;
// Visits them all, and from here on new ones halt, or not. Blocks: for a short lock
void halt_new(bool halt, void (*visit)(M& m, const M* self), const M* self) noexcept;

// --- stop() ---
// Nobody comes in from here on. By stop(), after the phase has changed; ends with heavy.
void shut_all() noexcept;
// Calls in that are in progress, on any M.
uint64_t inside() noexcept;
// Gives back what they keep of the runtime's. Needs: shut, and nobody inside.
void release_all() noexcept;

struct Counters {
  uint64_t bound, spare, inside, calls_in, calls_out, nested, stacks_learned, stacks_accepted, retired;
};
// Sums over foreign Ms and workers.
Counters counters() noexcept;

}  // namespace causeway::sched::foreign
