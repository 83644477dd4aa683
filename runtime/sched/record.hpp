// SPDX-License-Identifier: MIT
//
// Taking and giving back records of green threads, for spawn.cc and end.cc.
#pragma once

#include "runtime/os/os.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

// A free record of this P, refilled from the arena. Null: out of memory. Needs: P.
G* take_record(P* p) noexcept;
void free_record(P* p, G* g) noexcept;

// The green thread is over and nobody refers to it any more: what is rare about it goes. User mode: runs the stop state's destructor.
void drop_extras(G* g) noexcept;
// The record is free for the next green thread: its generation rises.
void retire_record(G* g) noexcept;

// Whose call out it came in below, over all levels; else g itself.
inline const G* outermost_of(const G* g) noexcept {
  while (const G* outer = outer_of(g)) g = outer;
  return g;
}

// `reader`, or `reader/callback`, or `reader/on_row` in a callback that has a name; or nothing. green: the name of outermost_of(g), or null.
template <size_t N>
void append_name(base::TextBuffer<N>& text, const G* g, const char* green) noexcept {
  base::TextBuffer<sizeof(crossing::Callee::name)> own;
  if (const crossing::Callee* callee = g->in.callee.load(std::memory_order_acquire)) callee->append_name(own);
  const bool below = outer_of(g) != nullptr;
  if (green != nullptr) text.append(green);
  if (green != nullptr && (below || own.size() != 0)) text.append("/");
  if (own.size() != 0) text.append(own.view());
  else if (green != nullptr && below) text.append("callback");
}

// `17 "reader"`, as reports name a green thread, with append_name(); without the green thread's name when the record stays busy. Signal-safe: yes.
template <size_t N>
void append_identity(base::TextBuffer<N>& text, const G* g) noexcept {
  text.append_dec(g->id);
  const G* named = outermost_of(g);
  base::TextBuffer<80> name;
  base::Lock& lock = const_cast<G*>(named)->join_lock;
  bool locked = lock.try_lock();
  for (int turns = 0; !locked && turns < 50; ++turns) {  // who joins it may have lost the CPU with it; or it is ours, below a handler
    os::yield_thread();
    locked = lock.try_lock();
  }
  append_name(name, g, locked ? named->name : nullptr);
  if (locked) lock.unlock();
  if (name.size() != 0) text.append(" \"").append(name.view()).append("\"");
}

// With max_green: counts the new one, or says that there is no room.
bool count_green() noexcept;
void uncount_green() noexcept;

}  // namespace causeway::sched
