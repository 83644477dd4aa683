// SPDX-License-Identifier: MIT
//
// A call out that is left by unwinding instead of a return. What a coroutine library or a thread's end unwinds passes from the frames of C to those of
// the green thread that called: here it is managed code again, so that destructors on its stack run as such; then the unwinding goes on, to the end
// of the call in (bridge/inbound/unwound.cc).
#include "bridge/outbound/outbound.hpp"
#include "bridge/outbound/resumed.hpp"

namespace causeway::outbound {

namespace {

using crossing::Inbound;
using sched::G;
using sched::M;

// On whose stack we are: the host may have suspended it long ago, and may be unwinding it on another thread.
G* green_here() noexcept {
  const stack::Lookup at = sched::scheduler().stacks.lookup(sched::frame_here());
  return at.found ? const_cast<G*>(sched::green_on_stack(at.stack.low))
                  : nullptr;  // NOLINT(cppcoreguidelines-pro-type-const-cast): ours to change
}

[[noreturn]] void worker_ends(const G* g) noexcept {
  base::TextBuffer<512> text;
  text.append("C code that green thread ");
  sched::append_identity(text, g);
  text.append(" called ended its thread, by pthread_exit or a cancellation: ");
  sched::append_function(text, g->out.function);
  text.append("; the thread is a worker of the runtime");
  base::fatal(base::FatalId::UncaughtException, text.view());
}

}  // namespace

void unwound(void* exception, void* stack_high) noexcept {
  if (sched::phase() == sched::Phase::Off) return;  // a pivot of the tests
  G* g = green_here();
  if (g == nullptr) return;
  M* m = g->m;
  if (!g->out.in_c() && m->leaf != nullptr && m == os::this_m()) {
    m->leaf = nullptr;
    if (!g->in.active && !sched::is_cxx(exception, *m->eh)) worker_ends(g);
    return;  // without a mark: what ends a thread in a leaf is reported at the end of the call in, on whose stack ever the leaf ran
  }
  const uintptr_t high = (g->out.c_sp + 1) & ~(arch::kStackAlignment - 1);
  if (!g->out.in_c() || high != (reinterpret_cast<uintptr_t>(stack_high) & ~(arch::kStackAlignment - 1)))
    return;  // a pivot of the runtime's own
  if (!g->in.active && !sched::is_cxx(exception, *m->eh)) worker_ends(g);
  if (g->out.threw()) {
    g->tunnelled = nullptr;
    base::log(base::LogLevel::Warn, "an exception of a callback is lost: the call out that it was for is being unwound");
  }
  g->in.set(sched::ends_thread(exception) ? Inbound::kThreadEnds : Inbound::kUnwound);
  const uintptr_t sp = g->out.place();
  g->out.sp.store(sp, std::memory_order_relaxed);
  if (sched::foreign::bound_m(*os::thread_words()) != m || not_there(m, g, g->id, sp) != 0) resumed(g, g->id, sp);
  m = g->m;
  // What passes belongs to neither side.
  const uint64_t passing = sched::passing(exception, *m->eh);
  m->eh->uncaught -= passing;
  static_cast<void>(end_closely(g, g->id, sp, g->in.is(Inbound::kEhAway)));
  g->m->eh->uncaught += passing;
}

}  // namespace causeway::outbound

#if !CW_ASAN && !defined(CW_CPU_PORTABLE)
void (*const cw_arch_unwound_out)(void* exception, void* stack_high) = &causeway::outbound::unwound;
#elif !defined(CW_CPU_PORTABLE)
void (*const cw_arch_unwound_out)(void* exception, void* stack_high) = nullptr;  // run_in_c() looks
#endif
