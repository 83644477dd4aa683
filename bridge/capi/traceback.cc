// SPDX-License-Identifier: MIT
//
// Tracebacks and profiles of stacks: cw_traceback, cw_traceback_of, cw_green_profile.
//
// All three run on a C stack, never on a green thread's own: as a call out, or, inside a leaf call, by a pivot alone.
#include "bridge/capi/last_error.hpp"
#include "bridge/inbound/inbound.hpp"
#include "bridge/outbound/outbound.hpp"
#include "runtime/trace/trace.hpp"

using causeway::capi::fail;
namespace arch = causeway::arch;
namespace sched = causeway::sched;
namespace trace = causeway::trace;

namespace causeway::capi {

namespace {

using Job = void (*)(void* arg, const trace::Cursor& from);

struct OnCStack {
  Job job;
  void* arg;
  trace::Cursor from;  // where the job's own stack begins; of the green thread for a leaf

  static void run(void* self) {
    auto* me = static_cast<OnCStack*>(self);
    if (me->from.pc == 0) {
      arch::Registers here;
      cw_arch_capture(&here);
      me->from = trace::Cursor{here.pc, here.sp, here.fp, 0, false};
    }
    me->job(me->arg, me->from);
  }
};

// False: inside the runtime, in a handler on top of managed code, or inside of a stop of the world.
CW_NOINLINE bool on_c_stack(const void* function, Job job, void* arg) {
  OnCStack frame{job, arg, {}};
  const sched::M* m = sched::this_m();
  if (m == nullptr) {
    OnCStack::run(&frame);
    return true;
  }
  const sched::G* g = m->current;
  const uintptr_t sp = sched::frame_here();
  const bool own = sp - reinterpret_cast<uintptr_t>(g->stack.low) < g->stack.bytes();
  if (m->gate.in_runtime() || g->is_system || g->out.in_c() || m->gate.own_anchor() != 0 || (!own && m->leaf == nullptr)) return false;
  if (m->leaf == nullptr) {
    causeway::outbound::call(CW_QUICK, &OnCStack::run, &frame, function);
  } else if (!own) {
    OnCStack::run(&frame);
  } else {
    arch::Registers here;
    cw_arch_capture(&here);
    frame.from = trace::Cursor{here.pc, here.sp, here.fp, 0, false};
    causeway::outbound::run_in_c(m, g, sched::c_stack_high(m, g), &OnCStack::run, &frame);
  }
  return true;
}

struct Text {
  trace::TextSink sink;
  uint64_t id;
  uintptr_t caller;
  cw_status status = CW_OK;

  static void self(void* arg, const trace::Cursor& from) {
    auto* me = static_cast<Text*>(arg);
    trace::dump_self(from, me->caller, &me->sink);
  }
  static void green(void* arg, const trace::Cursor&) {
    auto* me = static_cast<Text*>(arg);
    me->status = trace::dump_green(me->id, &me->sink);
  }
};

size_t finish(const char* call, const Text& text, bool ran) {
  causeway::base::TextBuffer<256> why;
  why.append(call);
  const cw_status status = ran ? text.status : CW_E_ASYNC;
  switch (status) {
    case CW_OK: break;
    case CW_E_STALE: fail(CW_E_STALE, why.append(": no green thread has that id").view()); break;
    case CW_E_NOMEM: fail(CW_E_NOMEM, why.append(": no memory to collect the stacks").view()); break;
    case CW_E_NOT_READY: fail(CW_E_NOT_READY, why.append(": no runtime is running").view()); break;
    case CW_E_STATE: break;  // the world stands still: no text
    default: fail(status, why.append(": not in a signal handler on top of managed code, nor while the world is stopped").view()); break;
  }
  return text.sink.size();
}

}  // namespace

}  // namespace causeway::capi

using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject

CW_NOINLINE size_t cw_traceback(char* buffer, size_t n, unsigned flags) {
  causeway::inbound::see_jumps(sched::frame_here());
  Text text{{buffer, buffer == nullptr ? 0 : n}, 0, reinterpret_cast<uintptr_t>(__builtin_return_address(0))};
  if (flags != CW_TRACE_SELF && flags != CW_TRACE_ALL) {
    fail(CW_E_INVALID, "cw_traceback: flags is CW_TRACE_SELF or CW_TRACE_ALL");
    return 0;
  }
  text.caller = arch::plain_address(text.caller);
  const bool ran = on_c_stack(reinterpret_cast<const void*>(&cw_traceback), flags == CW_TRACE_SELF ? &Text::self : &Text::green, &text);
  return finish("cw_traceback", text, ran);
}

size_t cw_traceback_of(uint64_t green_id, char* buffer, size_t n) {
  causeway::inbound::see_jumps(sched::frame_here());
  Text text{{buffer, buffer == nullptr ? 0 : n}, green_id, 0};
  if (green_id == 0) {
    fail(CW_E_INVALID, "cw_traceback_of: 0 is no green thread's id");
    return 0;
  }
  const bool ran = on_c_stack(reinterpret_cast<const void*>(&cw_traceback_of), &Text::green, &text);
  return finish("cw_traceback_of", text, ran);
}

cw_status cw_green_profile(cw_stack_record* records, size_t n, size_t* count) {
  causeway::inbound::see_jumps(sched::frame_here());
  if (count == nullptr || (records == nullptr && n != 0)) return fail(CW_E_INVALID, "cw_green_profile: records or count is NULL");
  struct Profile {
    cw_stack_record* records;
    size_t n;
    size_t* count;
    cw_status status = CW_E_ASYNC;
  } profile{records, n, count};
  static_cast<void>(on_c_stack(
      reinterpret_cast<const void*>(&cw_green_profile),
      [](void* arg, const trace::Cursor&) {
        auto* me = static_cast<Profile*>(arg);
        me->status = trace::profile_green(me->records, me->n, me->count);
      },
      &profile));
  switch (profile.status) {
    case CW_OK:
    case CW_E_STATE: return profile.status;  // the second: the world stands still
    case CW_E_NOT_READY: return fail(profile.status, "cw_green_profile: no runtime is running");
    case CW_E_NOMEM: return fail(profile.status, "cw_green_profile: no memory to collect the stacks");
    case CW_E_TIMEOUT: return fail(profile.status, "cw_green_profile: the world did not stop in time; cw_world_run() says who runs on");
    default: return fail(profile.status, "cw_green_profile: not in a signal handler on top of managed code");
  }
}
