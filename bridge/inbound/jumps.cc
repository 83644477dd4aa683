// SPDX-License-Identifier: MIT
//
// What C code has jumped over, seen by who asks and is no call in himself.
#include "bridge/inbound/enter.hpp"
#include "bridge/inbound/inbound.hpp"

namespace causeway::inbound {

using sched::M;
using sched::skipped::Why;

void tell_closers(M* m) noexcept {
  if (!m->owes_closers) return;
  m->owes_closers = false;
  sched::callees::tell_end();
}

bool own_jump_seen(M* m, uintptr_t sp) noexcept {
  if (m->leaf != nullptr || m->gate.own_anchor() != 0 || m->gate.in_runtime() || os::on_alternate_stack()) return false;
  uintptr_t anchor = 0;
  if (!sched::skipped::put_away_running(m, m->current, sp, nullptr, Why::CallIn, &anchor)) return false;
  m->current = &m->system;
  sched::into_c(m->words, m, anchor);
  return true;
}

void see_jumps(uintptr_t sp) noexcept {
  os::ThreadWords* words = os::thread_words();
  if (auto* running = static_cast<M*>(words->m)) {
    if (own_jump_seen(running, sp)) tell_closers(running);
    return;
  }
  M* m = sched::foreign::bound_m(*words);
  // Nothing in progress: an anchor may be of a runtime that has ended. Else its runtime stays until we are through, also while it stops.
  if (m == nullptr || m->inside() == 0 || (words->note & (os::note::kInside | os::note::kAsync)) != 0) return;
  uintptr_t before = m->gate.own_anchor();
  if (before <= crossing::kIdleAnchor || os::on_alternate_stack()) return;
  sched::shut_out_handlers(words, m);
  // Of all that may be wanted of us we need to wait for the end of a stop of the world only: we run nothing, and need no P.
  if (!m->gate.come_back()) sched::wait_outside(m, before);
  sched::drop_undeclared(m);
  before = sched::skipped::put_away(m, before, sp, nullptr, Why::CallIn);
  sched::into_c(words, m, before);
  tell_closers(m);
}

}  // namespace causeway::inbound
