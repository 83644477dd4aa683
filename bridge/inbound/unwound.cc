// SPDX-License-Identifier: MIT
//
// A call in that is left by unwinding instead of a return: C code below a call out of the callback ends its thread (pthread_exit, cancellation), or a
// coroutine library destroys a coroutine that was suspended there. The unwinder passes the callback's frames, whose destructors have run as managed
// code, and lands in the frame that changed stacks (arch/); from there we are told, on the C stack, and end the call as its return would.
//
//   INV-UW1  What unwinds a call in has come over a call out of its green thread (Inbound::kThreadEnds, kUnwound; bridge/outbound/unwound.cc). Else
//            managed code itself ended the thread, or threw what no edge may let out; that ends the process. What the callback has caught before is
//            no excuse for a thread's end; other unwindings are not told apart.
#include "bridge/inbound/inbound.hpp"

namespace causeway::inbound {

namespace {

using crossing::Inbound;
using sched::G;
using sched::M;

[[noreturn]] void left_by_itself(const G* g) noexcept {
  base::TextBuffer<512> text;
  text.append("green thread ");
  sched::append_identity(text, g);
  text.append(", a callback, was left by an unwinding that began in managed code or in a leaf");
  text.append(
      ": pthread_exit, a cancellation point that it called by itself, or another language's exception; let C code do that, by cw_call or causeway::call");
  base::fatal(base::FatalId::UncaughtException, text.view());
}

}  // namespace

void unwound(void* exception, void* stack_high) noexcept {
  os::ThreadWords* words = os::thread_words();
  M* m = static_cast<M*>(words->m);
  if (m == nullptr) return;  // not ours: a pivot of the tests
  G* g = m->current;
  if (!g->in.active || g->in.high != stack_high) return;
  if (!g->in.is(sched::ends_thread(exception) ? Inbound::kThreadEnds : Inbound::kUnwound)) left_by_itself(g);
  static_cast<void>(sched::callees::left(g));  // end_closely() tells, if somebody waits
  sched::EhGlobals* eh = m->eh;
  const uint64_t passing = sched::passing(exception, *eh);
  const bool host_had = g->in.is(Inbound::kHostEh);
  static_cast<void>(end_closely(g, found_by(g), 0));
  if (host_had) eh->uncaught += passing;  // the host's are back, and with them goes what passes
}

}  // namespace causeway::inbound

#if !CW_ASAN && !defined(CW_CPU_PORTABLE)
void (*const cw_arch_unwound_in)(void* exception, void* stack_high) = &causeway::inbound::unwound;
#elif !defined(CW_CPU_PORTABLE)
void (*const cw_arch_unwound_in)(void* exception, void* stack_high) = nullptr;  // inbound::run() looks
#endif
