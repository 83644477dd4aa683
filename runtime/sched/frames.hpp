// SPDX-License-Identifier: MIT
//
// Where a green thread is in its code, for reports: return addresses read along the frame pointers of its stack, and the slot behind which
// trace (a higher row) gives them names.
//
//   INV-FR1  Only memory inside the green thread's own stack is read, each step strictly upwards: a walk ends and never faults, also when the
//            green thread runs on meanwhile. Whether what was read is true is the caller's to prove: it is itself the green thread, or
//            it sees the same wait still open afterwards.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/stack/stack.hpp"

namespace causeway::sched {

struct G;

// A field of a green thread that may run on meanwhile: the value counts only if the same wait is still open afterwards.
template <class T>
[[gnu::no_sanitize_thread]] T read_racy(const T& field) noexcept {
  return *const_cast<const volatile T*>(&field);
}

struct Frames {
  static constexpr uint32_t kMost = 24;
  uint32_t n = 0;
  uintptr_t pc[kMost]{};  // innermost first. pc[0] is the place itself when `exact`, else an address to return to, as all others are
  bool exact = false;
};

// Walks from {pc, fp} inside [low, high); pc 0: the first address is the one that the record at fp holds.
// Signal-safe: yes
void walk_frames(uintptr_t pc, uintptr_t fp, uintptr_t low, uintptr_t high, Frames* to) noexcept;

// The callers of this function's caller, on the calling green thread. Stack: user
CW_NOINLINE void own_frames(const G* g, Frames* to) noexcept;

// Those of a parked green thread, from its saved context (INV-FR1).
void parked_frames(const G* g, Frames* to) noexcept;

using PlaceText = base::TextBuffer<2048>;

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
