// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers: reads the calling thread's own words and records.
#include "runtime/trace/crash_place.hpp"

#include "arch/arch.hpp"

namespace causeway::trace {

namespace {

using sched::M;

// Which code, but for handlers.
void look(CrashPlace* place) noexcept {
  const os::ThreadWords* words = os::thread_words();
  const auto* inside = static_cast<const M*>(words->m);
  const M* m = place->m = inside != nullptr ? inside : sched::foreign::bound_m(*words);
  if (m == nullptr) return;
  const uintptr_t anchor = m->gate.own_anchor();
  if (inside == nullptr) {
    place->code = Code::C;
    if (anchor <= crossing::kIdleAnchor) return;
    place->g = sched::green_of(anchor);
    place->in_c = true;
    return;
  }
  const sched::G* g = m->current;
  if (g != nullptr && !g->is_system) place->g = g;
  if (place->g == nullptr || anchor != 0 || m->gate.in_runtime() || g->out.in_c()) place->code = Code::Runtime;
  else place->code = m->leaf != nullptr ? Code::C : Code::Managed;
}

}  // namespace

CrashPlace place_of(const void* context) noexcept {
  CrashPlace place;
  place.at = cursor_of(os::context_registers(context));
  place.alternate = os::context_alternate_stack(context);
  look(&place);
  if (arch::in_switch(place.at.pc)) place.code = Code::Switch;
  else if (place.alternate.holds(place.at.sp)) place.code = Code::Handler;
  return place;
}

CrashPlace place_of_caller(uintptr_t fp) noexcept {
  CrashPlace place;
  place.at.fp = place.at.sp = fp;
  look(&place);
  return place;
}

std::string_view name_of(Code code) noexcept {
  switch (code) {
    case Code::Managed: return "managed code";
    case Code::C: return "C code";
    case Code::Runtime: return "the runtime";
    case Code::Switch: return "the switch between green threads";
    case Code::Handler: return "a signal handler";
    case Code::Unknown: return "code of a thread that never called in";
  }
  return "?";
}

}  // namespace causeway::trace
