// SPDX-License-Identifier: MIT
//
// Where a green thread is in its code, for reports: addresses of its stack, and of the C code and green threads below its callbacks; and the slots behind
// which trace (a higher row) walks and gives names. While nobody fills them: the frame pointers of one stack, and bare addresses.
//
//   INV-FR1  A walk ends and never faults, also when the green thread runs on meanwhile. Whether what was read is true is the caller's to prove: it is
//            itself the green thread, or it sees the same wait still open afterwards.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"
#include "runtime/stack/stack.hpp"

namespace causeway::sched {

struct G;
struct M;

// A field of a green thread that may run on meanwhile: the value counts only if the same wait is still open afterwards.
template <class T>
[[gnu::no_sanitize_thread]] T read_racy(const T& field) noexcept {
  return *const_cast<const volatile T*>(&field);
}

struct Frames {
  static constexpr uint32_t kMost = 48;
  enum Kind : uint8_t {
    Code,     // pc: an address
    CallOut,  // C code was called here; pc: the function, or 0
    CallIn,   // C code called back here; pc: the id of the green thread
    Missing,  // frames that are not known
  };
  uint32_t n = 0;
  uintptr_t pc[kMost]{};  // innermost first. pc[0] is the place itself when `exact`, else an address to return to, as all others are
  Kind kind[kMost]{};
  bool exact = false;
};

// Those of managed code of m, interrupted at a place on the stack of the green thread that it runs. In a handler on top of it.
// Signal-safe: yes
void interrupted_frames(const M* m, const os::ContextRegisters& at, Frames* to) noexcept;

// The callers of this function's caller, on the calling green thread. Stack: user; the walk itself is made on the C stack
CW_NOINLINE void own_frames(const G* g, Frames* to) noexcept;

// The callers of this function's caller, on a thread that is in C.
CW_NOINLINE void thread_frames(Frames* to) noexcept;

// Those of a parked green thread (INV-FR1). Stack: not g's
void parked_frames(const G* g, Frames* to) noexcept;

// How trace walks over crossings.
struct FrameWalkers {
  // The thread of m, or, null, one that is none of ours, from a place in it. Signal-safe: yes
  void (*thread)(const M* m, const os::ContextRegisters& at, bool exact, Frames* to) noexcept;
  // A green thread that may run on meanwhile.
  void (*green)(const G* g, Frames* to) noexcept;
};
// Constant while it is set.
void set_frame_walkers(const FrameWalkers* walkers) noexcept;

using PlaceText = base::TextBuffer<6144>;

// Appends the places by name, innermost first: `spin() (prog+0x1234) < main (prog+0x2000)`. The library's own frames
// at both ends are left out. Answers where the first function that it named begins (0: not known), so that a report can tell functions
// apart. Allocates, reads files: on a thread that may take its time. Signal-safe: no.
using NameFrames = uintptr_t (*)(const Frames& frames, PlaceText& text) noexcept;
void set_name_frames(NameFrames name) noexcept;
// The same by whoever fills the slot; bare addresses while nobody does.
uintptr_t name_frames(const Frames& frames, PlaceText& text) noexcept;

// The function at an address, by name where it has one. As name_frames().
template <size_t N>
void append_function(base::TextBuffer<N>& text, const void* function) noexcept {
  Frames one;
  one.pc[0] = reinterpret_cast<uintptr_t>(function);
  one.n = 1;
  one.exact = true;
  PlaceText place;
  name_frames(one, place);
  if (place.size() != 0) text.append(place.view());
  else text.append("0x").append_hex(one.pc[0]);
}

}  // namespace causeway::sched
