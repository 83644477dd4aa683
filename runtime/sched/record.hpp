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

// `17 "reader"`, as reports name a green thread, or `18 "reader/callback"`, or `18 "reader/on_row"` in a callback that has a name; without the name when
// the record is busy. Signal-safe: yes.
template <size_t N>
void append_identity(base::TextBuffer<N>& text, const G* g) noexcept {
  text.append_dec(g->id);
  const G* named = g;  // a callback goes by the name of the one whose call out it came in below, and by its own
  while (const G* outer = outer_of(named)) named = outer;
  base::TextBuffer<sizeof(crossing::Callee::name)> own;
  if (const crossing::Callee* callee = g->in.callee.load(std::memory_order_acquire)) callee->append_name(own);
  base::Lock& lock = const_cast<G*>(named)->join_lock;
  const bool locked = lock.try_lock();
  const bool has = locked && named->name != nullptr;
  if (has || own.size() != 0) {
    text.append(" \"").append(has ? named->name : "");
    if (has && (named != g || own.size() != 0)) text.append("/");
    text.append(own.size() != 0 ? own.view() : named != g ? "callback" : "").append("\"");
  }
  if (locked) lock.unlock();
}

// With max_green: counts the new one, or says that there is no room.
bool count_green() noexcept;
void uncount_green() noexcept;

}  // namespace causeway::sched
