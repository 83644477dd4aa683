// SPDX-License-Identifier: MIT
#include "bridge/inbound/enter.hpp"

namespace causeway::inbound {

namespace {

using sched::G;
using sched::green_of;
using sched::M;
namespace foreign = sched::foreign;

constexpr uint64_t kLookAgainNs = 50'000;
constexpr uint32_t kKeepGreens = 4;  // warm stacks that an M keeps beside those in use
// Ids that an M reserves at once. Many: the call that takes new ones goes the whole way, which is cold, 2 us where others take 60 ns.
constexpr uint64_t kIdsAtOnce = 1 << 20;

bool is_open(const Call& call) noexcept {
  // acquire: the closure; pairs with the release of who made the callback.
  return call.callee->state.load(std::memory_order_acquire) == reinterpret_cast<uintptr_t>(call.entry);
}

CW_NOINLINE cw_status enter_plain(G* g, const Call& call, uint64_t* result) {
  const sched::callees::PlainScope scope(g, call.callee);
  if (!scope.ok()) return CW_E_NOMEM;
  if (!is_open(call)) return CW_E_CLOSED;
  *result = call.entry->target(call.a, call.b, call.c);
  return CW_OK;
}

cw_status enter_known(M* m, const Call& call, uint64_t* result);

// Managed code of ours runs on this thread already.
CW_NOINLINE cw_status enter_again(M* m, const Call& call, uint64_t* result) {
  const uintptr_t sp = sched::frame_here();
  const G* g = m->current;
  const bool on_own = sp >= reinterpret_cast<uintptr_t>(g->stack.low) && sp < reinterpret_cast<uintptr_t>(g->stack.high);
  if (m->leaf != nullptr && !os::on_alternate_stack()) {
    base::TextBuffer<512> text;
    text.append("the leaf function ");
    sched::append_function(text, m->leaf);
    text.append(" called back; call it by cw_call with CW_QUICK, or by causeway::call");
    base::fatal(base::FatalId::LeafCalledBack, text.view());
  }
  if (!on_own && own_jump_seen(m, call.sp)) return enter_known(m, call, result);
  // Not in user code, or in the middle of a call out's first or last steps.
  if (!on_own || g->is_system || m->gate.in_runtime() || g->out.in_c() || m->gate.own_anchor() != 0) return CW_E_ASYNC;
  if (sched::phase() == sched::Phase::Forked) return CW_E_FORKED;
  using crossing::Inbound;
  struct Plain {  // on every way out; for cw_abi_tunnel()
    G* g;
    bool was;
    ~Plain() {
      if (!was) g->in.clear(Inbound::kPlain);
    }
  } plain{m->current, g->in.is(Inbound::kPlain)};
  plain.g->in.set(Inbound::kPlain);
  if (call.callee != nullptr) return enter_plain(m->current, call, result);
  *result = call.entry->target(call.a, call.b, call.c);
  return CW_OK;
}

// The first call of a thread, and each one of a thread whose end nobody would notice.
CW_NOINLINE cw_status enter_unbound(const Call& call, uint64_t* result) {
  os::ThreadWords* words = os::thread_words();
  // Until the thread is bound, a handler on top of us that calls in is told CW_E_ASYNC: we are such a handler if the flag is set already.
  if ((os::set_thread_flags(os::note::kInside) & (os::note::kInside | os::note::kAsync)) != 0) return CW_E_ASYNC;
  M* m = foreign::bound_m(*words);  // below the call of a thread that ends; or a handler was faster
  bool per_call = false;
  cw_status status = CW_OK;
  if (os::on_alternate_stack()) status = CW_E_ASYNC;
  else if (m == nullptr) status = foreign::borrow_m(&m, &per_call);
  if (status == CW_OK) {
    m->stacks.not_alternate = true;
    words->m = m;  // from here that tells them
  }
  os::clear_thread_flags(os::note::kInside);
  if (status != CW_OK) return status;
  if (!per_call) return enter_known(m, call, result);
  struct Back {  // on every way out; the call may have gone on on another thread
    os::ThreadWords* words;
    M* m;
    ~Back() {
      if (os::thread_words() == words && foreign::bound_m(*words) == m) foreign::give_back_m(m);
    }
  } back{os::thread_words(), m};
  return enter_known(m, call, result);
}

// What is rare about a green thread that ran a call in: a text, a stop state, a lock on the thread. User mode: runs destructors.
CW_NOINLINE void drop_rare(G* g) {
  sched::drop_extras(g);
  // Somebody runs the callbacks of its stop state, which goes when they have returned: as the end of a std::stop_callback, we wait.
  while (g->stop_state.load(std::memory_order_acquire) != nullptr) os::sleep_ns(kLookAgainNs);
  g->lock_depth = 0;
  g->stop_requested.store(0, std::memory_order_relaxed);
  g->stop_told = false;
  g->stop_state_dead = false;
}

// Ids for the calls from `number` on.
void more_ids(M* m, uint64_t number) noexcept {
  uint64_t first = 0, last = 0;
  sched::take_ids(kIdsAtOnce, first, last);
  m->id_base = first - number;
  m->id_limit = number + (last - first);
}

// The host has an exception in flight: its globals are put away.
void save_host_eh(const M* m, G* g) noexcept {
  g->in.host_caught = m->eh->caught;
  g->in.host_uncaught = m->eh->uncaught;
  g->in.set(crossing::Inbound::kHostEh);
  *m->eh = sched::EhGlobals{};
}

// begin_callee_warm() in every mode.
bool begin_callee(G* g, const Call& call) noexcept {
  return crossing::begin_callee<base::RealAtomics>(g->in, call.callee, reinterpret_cast<uintptr_t>(call.entry));
}

// begin_warm() and end_warm() with all that they leave to us. The thread is bound.
// Not inlined: the pivot's caller must have no landing pad (arch.hpp), and enter_unbound() has one.
CW_NOINLINE cw_status enter_bound(M* m, const Call& call, uint64_t* result) {
  os::ThreadWords* words = m->words;
  sched::shut_out_handlers(words, m);
  uintptr_t before = m->gate.own_anchor();
  bool quiet = m->gate.come_back();
  if (!quiet && (m->foreign || m->lost)) {
    const auto may = [m] { return os::on_alternate_stack() ? CW_E_ASYNC : foreign::admit(m); };
    if (const cw_status status = sched::come_in(*m, before, may); status != CW_OK) {
      words->m = nullptr;  // C goes on
      tell_closers(m);
      return status;
    }
    quiet = true;
  }
  if (!quiet) sched::wait_outside(m, before);
  // From here the runtime stays, and with it the record that the anchor names.
  sched::drop_undeclared(m);
  if (before > crossing::kIdleAnchor && call.sp != 0)
    before = sched::skipped::put_away(m, before, call.sp, nullptr, sched::skipped::Why::CallIn);
  cw_status status = sched::on_known_stack(m, sched::frame_here()) ? CW_OK : sched::update_system_stack(m, sched::frame_here(), before);
  const bool nested = before != crossing::kIdleAnchor;
  const Place place = nested ? place_of(m, before) : Place{};
  if (status == CW_OK && nested && too_deep(m, place)) status = CW_E_DEPTH;
  if (status == CW_OK && m->call_greens == nullptr && (m->call_greens = foreign::make_call_green(m)) == nullptr) status = CW_E_NOMEM;
  if (status != CW_OK) {
    sched::into_c(words, m, before);
    tell_closers(m);
    return status;
  }
  const uint64_t number = m->calls_in.load(std::memory_order_relaxed);
  if (number == m->id_limit) more_ids(m, number);
  G* g = m->call_greens;
  begin(m, g, number);
  if (nested) begin_nested(m, g, place, before);
  if (m->owes_closers) {
    m->owes_closers = false;
    g->in.set(crossing::Inbound::kWatched);
  }
  if (!quiet) sched::come_back_slow(m, g, before);
  if (sched::in_flight(*m->eh) != 0) save_host_eh(m, g);

  uint64_t ran = 0;
  if (call.callee == nullptr || begin_callee(g, call)) ran = run(g, call);
  else status = CW_E_CLOSED;
  if (call.callee != nullptr) sched::callees::left(g);
  *result = nested ? end_warm<true>(g, ran) : end_warm<false>(g, ran);
  return status;
}

CW_NOINLINE cw_status enter_float_apart(M* m, const Call& call, uint64_t* result) {
  struct Apart {  // on every way out
    arch::FloatControl host = arch::save_float_control();
    ~Apart() { arch::restore_float_control(host); }
  } apart;
  arch::restore_float_control(arch::kFreshFloatControl);
  return enter_bound(m, call, result);
}

cw_status enter_known(M* m, const Call& call, uint64_t* result) {
  return crossing::float_apart() ? enter_float_apart(m, call, result) : enter_bound(m, call, result);
}

}  // namespace

CW_NOINLINE cw_status enter(const Call& call, uint64_t* result) {
  os::ThreadWords* words = os::thread_words();
  if (words->m != nullptr) return enter_again(static_cast<M*>(words->m), call, result);
  // A flag but kFloatApart: the thread is ending, or we are in a handler on top of a wait.
  M* m = (words->note & os::note::kFlags & ~os::note::kFloatApart) == 0 ? foreign::bound_m(*words) : nullptr;
  return m != nullptr ? enter_known(m, call, result) : enter_unbound(call, result);
}

CW_NOINLINE uint64_t end_out_of_order(M* m, G* g, uintptr_t back, uint64_t result) noexcept {
  uint32_t kept = 0;
  for (const G* each = m->call_greens; each != nullptr && kept < kKeepGreens; each = each->next_ready) ++kept;
  if (kept < kKeepGreens) {
    g->next_ready = m->call_greens;
    m->call_greens = g;
  } else {
    foreign::free_call_green(g);
  }
  leave(m, g, back);
  return result;
}

CW_NOINLINE uintptr_t anchor_to_put_back(const M* m, uintptr_t before) noexcept {
  if (before == crossing::kIdleAnchor) return before;
  const G* outer = green_of(before);
  if (outer->m == m && outer->out.in_c()) return before;
  if (m->foreign) return crossing::kIdleAnchor;
  return reinterpret_cast<uintptr_t>(&m->base->out);
}

CW_NOINLINE uint64_t end_closely(G* g, uintptr_t found, uint64_t result) {
  using crossing::Inbound;
  M* m = g->m;
  // Who watches marks us before he looks at the callee again, which is taken back: a mark that is lost below is no loss. INV-CA2
  bool watched = g->in.is(Inbound::kWatched);
  if (g->in.is(Inbound::kPlain) && sched::callees::plain_over(g))
    watched = true;  // C code has jumped over an entry that g called by itself
  if (g->in.is(Inbound::kExtras)) drop_rare(g);
  // What was found, while that call out goes on on this thread; else what resumed() found instead.
  const bool found_is_there = found != crossing::kIdleAnchor && green_of(found)->m == m && green_of(found)->out.in_c();
  const uintptr_t back = anchor_to_put_back(m, g->in.is(Inbound::kMoved) && !found_is_there ? g->in.before : found);
  if (g->in.is(Inbound::kHostEh)) *m->eh = sched::EhGlobals{g->in.host_caught, g->in.host_uncaught};
  g->in.clear_for_next();
  g->in.found = crossing::kIdleAnchor;
  g->outer = nullptr;
  g->depth = 1;
  result = end(m, g, back, result);
  // As C code of the thread: what enters the runtime here as g would use the C stack that we are on.
  if (watched) sched::callees::tell_end();
  return result;
}

}  // namespace causeway::inbound
