// SPDX-License-Identifier: MIT
#include <utility>

#include "bridge/outbound/outbound.hpp"
#include "bridge/outbound/resumed.hpp"

namespace causeway::outbound {

namespace {

using sched::EhGlobals;
using sched::G;
using sched::M;

constexpr uintptr_t kLeafRoom = 32 << 10;

// The host's exception globals for C, g's own for later.
void give_way(M* m, G* g) noexcept {
  g->eh = *m->eh;
  g->in.set(crossing::Inbound::kEhAway);
  *m->eh = g->in.is(crossing::Inbound::kHostEh) ? EhGlobals{g->in.host_caught, g->in.host_uncaught} : EhGlobals{};
}

// What call_quick() leaves to us: exceptions in flight, kinds.
cw_status call_closely(int kind, M* m, G* g, uintptr_t c_high, cw_abi_body body, void* frame, const void* function) {
  const uintptr_t sp = sched::frame_here();
  const bool eh_saved = sched::in_flight(*m->eh) != 0 || g->in.is(crossing::Inbound::kHostEh);
  begin(m, g, sp, reinterpret_cast<uintptr_t>(__builtin_return_address(0)), function);
  if (eh_saved) give_way(m, g);
  const uint64_t id = g->id;
  if (kind == CW_BLOCKING && !m->foreign) sched::give_up_p(m);  // we are on the green stack still, and what it calls takes the C stack
  g->out.c_sp = c_high - 1;
  sched::into_c(m->words, m, reinterpret_cast<uintptr_t>(&g->out));

  run_in_c(m, g, c_high, body, frame);

  return end_in_frame(g, id, sp, eh_saved);
}

// Not inlined: a pivot wants no landing pad anywhere in its function (crossing/pivot.hpp).
CW_NOINLINE void call_leaf_here(M* m, cw_abi_body body, void* frame) {
  struct End {  // on every way out
    M* m;
    ~End() { m->leaf = nullptr; }
  } const end{m};
  body(frame);
}

void call_leaf(M* m, const G* g, uintptr_t c_high, cw_abi_body body, void* frame, const void* function) {
  m->leaf = function;
  if (room_of(g, sched::frame_here()) >= kLeafRoom) return call_leaf_here(m, body, frame);
  run_in_c(m, g, c_high, body, frame);  // what unwinds this: unwound() clears the leaf
  m->leaf = nullptr;
}

}  // namespace

CW_NOINLINE void take_back(M* m, G* g, bool saved) noexcept {
  const EhGlobals host = *m->eh;
  g->in.clear(crossing::Inbound::kEhAway);
  *m->eh = saved ? g->eh : EhGlobals{};
  g->in.host_caught = host.caught;
  g->in.host_uncaught = host.uncaught;
  if (sched::in_flight(host) != 0) g->in.set(crossing::Inbound::kHostEh);
  else g->in.clear(crossing::Inbound::kHostEh);
}

CW_NOINLINE cw_status end_closely(G* g, uint64_t id, uintptr_t sp, bool eh_saved) noexcept {
  if (const M* began = g->m; began->lost) sched::child_returned_into_green();
  const bool threw = g->out.threw();
  if (sched::foreign::bound_m(*os::thread_words()) != g->m || not_there(g->m, g, id, threw ? sp | crossing::Outbound::kThrew : sp) != 0)
    resumed(g, id, sp);
  M* m = g->m;
  const bool owes = std::exchange(m->owes_closers, false);  // calls in that C code has jumped over
  sched::shut_out_handlers(m->words, m);
  m->current = g;
  if (eh_saved || sched::in_flight(*m->eh) != 0) take_back(m, g, eh_saved);
  if (!m->gate.come_back()) sched::come_back_slow(m, g, reinterpret_cast<uintptr_t>(&g->out));
  g->out.sp.store(0, std::memory_order_relaxed);  // last: INV-CR1
  if (owes) sched::callees::tell_end();
  return threw ? CW_E_PANIC : CW_OK;
}

CW_NOINLINE cw_status call(int kind, cw_abi_body body, void* frame, const void* function) {
  M* m = static_cast<M*>(os::this_m());
  if (m == nullptr || !may_be_left(m, m->current, sched::frame_here())) {
    body(frame);  // nothing of ours to leave, or a handler or leaf on top of it
    return CW_OK;
  }
  G* g = m->current;
  const uintptr_t c_high = sched::c_stack_high(m, g);
  const bool apart = crossing::float_apart();
  const arch::FloatControl own = apart ? arch::save_float_control() : arch::FloatControl{};
  cw_status status = CW_OK;
  if (kind == CW_LEAF) call_leaf(m, g, c_high, body, frame, function);
  else status = call_closely(kind, m, g, c_high, body, frame, function);
  if (apart) arch::restore_float_control(own);
  return status;
}

const void** leaf_begin(const void* function) noexcept {
  M* m = static_cast<M*>(os::thread_words_here()->m);
  if (m == nullptr || crossing::float_apart()) [[unlikely]]
    return nullptr;
  if (!may_be_left(m, m->current, sched::frame_here()) || room_of(m->current, sched::frame_here()) < kLeafRoom) [[unlikely]]
    return nullptr;
  m->leaf = function;
  return &m->leaf;
}

}  // namespace causeway::outbound
