// SPDX-License-Identifier: MIT
//
// Taking and giving back records of green threads, for spawn.cc and end.cc.
#pragma once

#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

// A free record of this P, refilled from the arena. Null: out of memory. Needs: P.
G* take_record(P* p) noexcept;
void free_record(P* p, G* g) noexcept;

// The green thread is over and nobody refers to it any more: what is rare about it goes. User mode: runs the stop state's destructor.
void drop_extras(G* g) noexcept;
// The record is free for the next green thread: its generation rises.
void retire_record(G* g) noexcept;

// `17 "reader"`, as reports name a green thread, or `18 "reader/callback"`; without the name when the record is busy. Signal-safe: yes.
template <size_t N>
void append_identity(base::TextBuffer<N>& text, const G* g) noexcept {
  text.append_dec(g->id);
  const G* named = g;  // a callback goes by the name of the one whose call out it came in below
  while (const G* outer = outer_of(named)) named = outer;
  base::Lock& lock = const_cast<G*>(named)->join_lock;
  if (!lock.try_lock()) return;
  if (named->name != nullptr) {
    text.append(" \"");
    text.append(named->name);
    text.append(named != g ? "/callback\"" : "\"");
  }
  lock.unlock();
}

// With max_green: counts the new one, or says that there is no room.
bool count_green() noexcept;
void uncount_green() noexcept;

}  // namespace causeway::sched
