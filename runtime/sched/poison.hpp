// SPDX-License-Identifier: MIT
//
// Check mode `poison`: what is freed is overwritten, so that a use after it reads 0xdb, and looked at before it is used again, so that a
// write after it is reported where it can still be named.
//
// | what                                   | overwritten when                | looked at when            |
// | a green thread's stack, resident pages | it ends, from the next context  | the next one is bound     |
// | its record: closure or result, ops     | the record is given back        | the next spawn takes it   |
// | a Waiter                               | it goes out of scope            | never: it is stack        |
// | a channel's slot                       | its value was taken             | never                     |
// | an event, a channel, a mutex ...       | it is destroyed                 | never: it is the host's   |
// | a handle's slot                        | it is released                  | never: it outlives runs   |
// | P and M                                | they are deleted at the stop    | never: malloc has them    |
//
// A green thread that has the mode does not take over the stack of the one that ended before it (end.cc).
//
// Not chosen: sanitizer poisoning (only there); a quarantine (the order of reuse is what the mode is to show).
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include "runtime/stack/stack.hpp"

namespace causeway::sched {

struct G;

namespace poison {

inline constexpr unsigned char kByte = 0xdb;

namespace detail {
// Set by a start, before anything runs. relaxed everywhere: the start itself orders it.
inline constinit std::atomic<bool> on{false};
void fill(void* at, size_t bytes) noexcept;
}  // namespace detail

inline void set(bool on) noexcept { detail::on.store(on, std::memory_order_relaxed); }
inline bool on() noexcept { return detail::on.load(std::memory_order_relaxed); }

// Overwrites what was just freed. The compiler may not take the stores for dead.        Signal-safe: yes
inline void freed(void* at, size_t bytes) noexcept {
  if (on()) [[unlikely]]
    detail::fill(at, bytes);
}

// `delete p`, and what it was is overwritten. For types that have an alignment of their own.
template <class T>
void destroy(T* p) noexcept {
  static_assert(alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  if (p == nullptr) return;
  p->~T();
  freed(p, sizeof *p);
  ::operator delete(p, sizeof(T), std::align_val_t{alignof(T)});
}

// Every byte is the pattern, or every byte is zero: never used, or its page was returned.
bool untouched(const void* at, size_t bytes) noexcept;

// Needs: nobody runs on it any more. Writes only pages that are in memory.
void stack_freed(stack::Stack stack) noexcept;
// Fatal `invariant` when a page of it was written since. A page that was returned meanwhile reads as zero.
void stack_taken(stack::Stack stack) noexcept;
// The same for a record, without what others may still read of it: state, generation, name, and what says whose stack it was.
void record_freed(G* g) noexcept;
void record_taken(const G* g) noexcept;

}  // namespace poison
}  // namespace causeway::sched
