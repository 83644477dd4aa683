// SPDX-License-Identifier: MIT
#include "runtime/sched/skipped.hpp"

#include "arch/arch.hpp"
#include "runtime/sched/callees.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/frames.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/system_stack.hpp"

#if CW_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace causeway::sched::skipped {

namespace {

using crossing::Inbound;
using crossing::kIdleAnchor;

// Does m's thread run on one proven stack, and is `at` on it too?
bool is_on_proven(const M* m, uintptr_t at, Why why) noexcept {
  if (why == Why::ThreadEnd)
    return at - m->stacks.thread_low.load(std::memory_order_relaxed) <
           m->stacks.thread_high.load(std::memory_order_relaxed) - m->stacks.thread_low.load(std::memory_order_relaxed);
  return m->host.how != KnownBy::Guess && m->host.holds(at);
}

// The anchor that g's call in found, if that is still there.
uintptr_t found_by(const M* m, const G* g) noexcept {
  const G* outer = outer_of(g);
  if (outer == nullptr && g->in.found > kIdleAnchor) outer = green_of(g->in.found);
  if (outer != nullptr && outer->m == m && outer->out.in_c()) return reinterpret_cast<uintptr_t>(&outer->out);
  return m->foreign ? kIdleAnchor : reinterpret_cast<uintptr_t>(&m->base->out);
}

[[noreturn]] void refuse(const G* g) noexcept {
  base::TextBuffer<384> text;
  text.append("the call in of green thread ");
  append_identity(text, g);
  text.append(" was skipped by C code that jumped over it, and the check is strict");
  base::fatal(base::FatalId::CallFrameInvalid, text.view());
}

uint64_t thread_of(const M* m) noexcept {
  const int tid = m->tid.load(std::memory_order_relaxed);
  return static_cast<uint64_t>(tid != 0 ? tid : m->last_tid);
}

[[noreturn]] void resumed_elsewhere(const M* m, const G* g) noexcept {
  base::TextBuffer<512> text;
  text.append("green thread ");
  append_identity(text, g);
  text.append(", whose call in C code jumped over on thread ").append_dec(thread_of(g->m));
  if (const G* outer = outer_of(g)) {
    text.append(", below the call out of green thread ");
    append_identity(text, outer);
  }
  text.append(", is resumed on thread ").append_dec(thread_of(m));
  base::fatal(base::FatalId::RetiredResumed, text.view());
}

// As make_call_green() leaves it, but for its stack, which stays.
void use_again(M* m, G* g) noexcept {
  drop_extras(g);
  if (g->in.is(Inbound::kPlain) && callees::plain_over(g)) m->owes_closers = true;
  g->tunnelled = nullptr;
  g->out.sp.store(0, std::memory_order_relaxed);
  g->eh = EhGlobals{};
  g->lock_depth = 0;
  g->stop_requested.store(0, std::memory_order_relaxed);
  g->stop_told = false;
  g->outer = nullptr;
  g->depth = 1;
  g->id = 0;
  g->in.found = kIdleAnchor;
  g->in.clear_for_next();
#if CW_ASAN
  ASAN_UNPOISON_MEMORY_REGION(g->stack.low, g->stack.bytes());  // the frames that were skipped
#endif
  g->next_ready = m->call_greens;
  m->call_greens = g;
}

void put_away_one(M* m, G* g) noexcept {
  if (scheduler().options.strict_stacks) refuse(g);
  if (callees::skip(g)) {
    g->in.clear(Inbound::kWatched);
    m->owes_closers = true;
  }
  g->in.set(Inbound::kSkipped);
  if (g->out.in_c()) g->out.sp.store(g->out.sp.load(std::memory_order_relaxed) | crossing::Outbound::kSkipped, std::memory_order_relaxed);
  g->next_ready = nullptr;
  if (m->skipped_last != nullptr) m->skipped_last->next_ready = g;
  else m->skipped_first = g;
  m->skipped_last = g;
  m->retired_calls.store(m->retired_calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // relaxed: the owner alone adds
  if (++m->skipped_count > kKept) {
    G* oldest = m->skipped_first;
    m->skipped_first = oldest->next_ready;
    --m->skipped_count;
    use_again(m, oldest);
  }
  // Last, since a stop that waits for it takes the records. release: all that this call did; pairs with the acquire in M::inside().
  m->calls_ended.store(m->calls_ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace

uintptr_t put_away(M* m, uintptr_t anchor, uintptr_t sp, const G* until, Why why) noexcept {
  while (anchor > kIdleAnchor) {
    G* g = green_of(anchor);
    if (g->m == m && g->in.is(Inbound::kSkipped)) {  // what was put back may name one
      anchor = found_by(m, g);
      continue;
    }
    // A hint, as the anchor: a host may be taking the call to another thread. What is on our own stack, below, is not.
    if (g == until || g->m != m || !read_racy(g->in.active) || !g->out.in_c()) return anchor;
    const uintptr_t c_sp = g->out.c_sp;
    if (c_sp == 0 || !is_on_proven(m, c_sp, why) || sp <= c_sp) return anchor;
    if (why != Why::ThreadEnd && !m->host.holds(sp)) return anchor;
    anchor = found_by(m, g);
    put_away_one(m, g);
  }
  return anchor;
}

bool put_away_running(M* m, G* g, uintptr_t sp, const G* until, Why why, uintptr_t* anchor) noexcept {
  if (!g->in.active || g->out.in_c() || g->in.high == nullptr) return false;
  const uintptr_t came_on = arch::pivot_caller_low(g->in.high);
  if (came_on == 0 || !is_on_proven(m, came_on, why) || sp <= came_on || (why != Why::ThreadEnd && !m->host.holds(sp))) return false;
  *anchor = found_by(m, g);
  g->out.c_sp = came_on;
  put_away_one(m, g);
  *anchor = put_away(m, *anchor, sp, until, why);
  return true;
}

void put_away_all(M* m) noexcept {
  uintptr_t anchor = m->gate.own_anchor();
  if (anchor == 0) {
    if (m->current->is_system || !put_away_running(m, m->current, UINTPTR_MAX, nullptr, Why::ThreadEnd, &anchor)) return;
  } else {
    anchor = put_away(m, anchor, UINTPTR_MAX, nullptr, Why::ThreadEnd);
  }
  m->current = &m->system;
  m->gate.leave(anchor);
  m->words->m = nullptr;
  if (m->owes_closers) callees::tell_end();
  m->owes_closers = false;
}

void come_back(M* m, G* g) noexcept {
  G* before = nullptr;
  G* each = g->m == m ? m->skipped_first : nullptr;
  for (; each != nullptr && each != g; each = each->next_ready) before = each;
  if (each == nullptr) resumed_elsewhere(m, g);
  if (!callees::come_back(g)) {
    base::TextBuffer<384> text;
    text.append("green thread ");
    append_identity(text, g);
    text.append(
        ", whose call in was skipped when C code jumped over it, is resumed, and the callback that it was in has been closed since");
    base::fatal(base::FatalId::RetiredResumed, text.view());
  }
  (before != nullptr ? before->next_ready : m->skipped_first) = g->next_ready;
  if (m->skipped_last == g) m->skipped_last = before;
  --m->skipped_count;
  m->retired_calls.store(m->retired_calls.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  m->taken_over.store(m->taken_over.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // in progress again
  g->in.clear(Inbound::kSkipped);
  g->out.sp.store(g->out.sp.load(std::memory_order_relaxed) & ~crossing::Outbound::kSkipped, std::memory_order_relaxed);
  g->next_ready = m->call_greens;
}

void release_all(M* m) noexcept {
  while (G* g = m->skipped_first) {
    m->skipped_first = g->next_ready;
    use_again(m, g);
  }
  m->skipped_last = nullptr;
  m->skipped_count = 0;
}

}  // namespace causeway::sched::skipped
