// SPDX-License-Identifier: MIT
//
// Calls in: cw_enter, cw_post, cw_thread_attach, cw_stack_declare, and what causeway/abi.h has for entries.
#include <atomic>

#include "bridge/capi/callback.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/capi/meeting_point.hpp"
#include "bridge/capi/runtime.hpp"
#include "bridge/capi/uncaught.hpp"
#include "bridge/inbound/inbound.hpp"
#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"
#include "runtime/trace/trace.hpp"

namespace causeway::capi {

const char* why_not_entered(cw_status status) noexcept {
  switch (status) {
    case CW_E_DEPTH: return "calls from C nest too deeply: option max_depth is reached, or too little of the C stack is left";
    case CW_E_LIMIT:
      return "option max_foreign is reached (let some threads that have called in end, or raise it), or no pthread key is left";
    case CW_E_NOMEM: return "no memory to call in: out of memory or mappings";
    case CW_E_STOPPED: return "the runtime is stopping and takes no new calls";
    case CW_E_NOT_READY: return "no runtime is running, or this thread is starting it right now";
    case CW_E_FORKED: return sched::kForkedText;
    case CW_E_ASYNC: return "not in a signal handler: use cw_post or cw_event_set there";
    default: return cw_status_text(status);
  }
}

namespace {

// Without a runtime: starts one or waits for one, once.
template <class Try>
cw_status with_runtime(Try&& attempt) {
  cw_status status = attempt();
  if (status == CW_E_NOT_READY) [[unlikely]] {
    if (const cw_status started = ensure_started(); started != CW_OK) return started;
    status = attempt();
  }
  if (status != CW_OK) [[unlikely]]
    fail(status, why_not_entered(status));
  return status;
}

struct Guarded {
  cw_fn fn;
  void* arg;
  cw_status status = CW_OK;

  static uint64_t run(uint64_t self, uint64_t /*unused*/, uint64_t /*unused*/) {
    auto* me = reinterpret_cast<Guarded*>(self);
    if (run_guarded([&] { me->fn(me->arg); })) me->status = CW_E_PANIC;
    return 0;
  }
  static uint64_t failed(cw_status status, uint64_t self) noexcept {
    reinterpret_cast<Guarded*>(self)->status = status;
    return 0;
  }
};

struct Declared {
  uintptr_t low;
};

void end_declared(HandleSlot& slot) noexcept { sched::declared_stacks::undeclare(slot.as<Declared>().low); }

// An entry's failure may come at the rate of the host's calls: the log gets for each status a line at each power of two of its count.
constexpr size_t kStatuses = 64;
std::atomic<uint64_t> failures[kStatuses]{};

}  // namespace

}  // namespace causeway::capi

using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject
namespace inbound = causeway::inbound;
namespace os = causeway::os;
namespace sched = causeway::sched;

namespace causeway::capi {

namespace {

CW_NOINLINE uint64_t enter_otherwise(uint64_t a, uint64_t b, uint64_t c, const cw_abi_entry* entry) {
  uint64_t result = 0;
  const uintptr_t sp = sched::frame_here();
  const cw_status status = with_runtime([&] { return inbound::enter({a, b, c, entry, nullptr, sp}, &result); });
  return status == CW_OK ? result : entry->failed(status, a);
}

// The stack is the one in use.
template <bool kNested>
CW_ALWAYS_INLINE uint64_t enter_warm(uint64_t a, uint64_t b, uint64_t c, const cw_abi_entry* entry, os::ThreadWords* words, sched::M* m) {
  sched::G* g = inbound::begin_warm<kNested>(words, m);
  if (g == nullptr) [[unlikely]]
    return enter_otherwise(a, b, c, entry);
  return inbound::end_warm<kNested>(g, inbound::run(g, {a, b, c, entry}));
}

// Not on the stack of the call before: of a host that alternates between two on the one before that.
[[gnu::hot]] CW_NOINLINE uint64_t enter_elsewhere(uint64_t a, uint64_t b, uint64_t c, const cw_abi_entry* entry, os::ThreadWords* words,
                                                  sched::M* m) {
  if (!sched::use_stack_before(m, sched::frame_here())) [[unlikely]]
    return enter_otherwise(a, b, c, entry);
  return enter_warm<false>(a, b, c, entry, words, m);
}

[[gnu::hot]] CW_NOINLINE uint64_t enter_nested(uint64_t a, uint64_t b, uint64_t c, const cw_abi_entry* entry, os::ThreadWords* words,
                                               sched::M* m) {
  if (!sched::on_known_stack(m, sched::frame_here())) [[unlikely]]
    return enter_otherwise(a, b, c, entry);
  return enter_warm<true>(a, b, c, entry, words, m);
}

// --- callbacks with state -------------------------------------------------------------------------------------

using crossing::Callee;

// Everything but a call of a callback that is open and was called before, on the warm way.
CW_NOINLINE uint64_t enter_callback_otherwise(cw_abi_callback* callback, uint64_t b, uint64_t c, const cw_abi_callback_type* type) {
  auto* callee = reinterpret_cast<closure::Slot*>(callback);
  // Closed, or another one by now: no runtime is needed for that, and none is started.
  if (!crossing::announce_call(callee->state, closure::state_of(type))) return type->failed(CW_E_CLOSED, callback, b);
  uint64_t result = 0;
  const uintptr_t sp = sched::frame_here();
  const cw_status status =
      with_runtime([&] { return inbound::enter({reinterpret_cast<uint64_t>(callback), b, c, &type->entry, callee, sp}, &result); });
  return status == CW_OK ? result : type->failed(status, callback, b);
}

// It was closed while the call was on its way in. Apart, so that the warm way keeps nothing but g over the call.
template <bool kNested>
CW_NOINLINE uint64_t leave_closed(sched::G* g, cw_abi_callback* callback, uint64_t b, uint64_t c, const cw_abi_callback_type* type) {
  inbound::end_callee_warm(g);
  static_cast<void>(inbound::end_warm<kNested>(g, 0));
  return enter_callback_otherwise(callback, b, c, type);
}

template <bool kNested>
CW_ALWAYS_INLINE uint64_t enter_callback_warm(cw_abi_callback* callback, uint64_t b, uint64_t c, const cw_abi_callback_type* type,
                                              os::ThreadWords* words, sched::M* m) {
  sched::G* g = inbound::begin_warm<kNested>(words, m);
  if (g == nullptr) [[unlikely]]
    return enter_callback_otherwise(callback, b, c, type);
  if (!inbound::begin_callee_warm(g, reinterpret_cast<Callee*>(callback), &type->entry)) [[unlikely]]
    return leave_closed<kNested>(g, callback, b, c, type);
  const uint64_t result = inbound::run(g, {reinterpret_cast<uint64_t>(callback), b, c, &type->entry});
  inbound::end_callee_warm(g);
  return inbound::end_warm<kNested>(g, result);
}

[[gnu::hot]] CW_NOINLINE uint64_t enter_callback_elsewhere(cw_abi_callback* callback, uint64_t b, uint64_t c,
                                                           const cw_abi_callback_type* type, os::ThreadWords* words, sched::M* m) {
  if (!sched::use_stack_before(m, sched::frame_here())) [[unlikely]]
    return enter_callback_otherwise(callback, b, c, type);
  return enter_callback_warm<false>(callback, b, c, type, words, m);
}

[[gnu::hot]] CW_NOINLINE uint64_t enter_callback_nested(cw_abi_callback* callback, uint64_t b, uint64_t c, const cw_abi_callback_type* type,
                                                        os::ThreadWords* words, sched::M* m) {
  if (!sched::on_known_stack(m, sched::frame_here())) [[unlikely]]
    return enter_callback_otherwise(callback, b, c, type);
  return enter_callback_warm<true>(callback, b, c, type, words, m);
}

}  // namespace

}  // namespace causeway::capi

namespace {

// As cw_abi_enter(). Whether it is open is looked at first too: a late call comes into nothing, and binds no thread.
CW_ALWAYS_INLINE uint64_t enter_callback(cw_abi_callback* callback, uint64_t b, uint64_t c, const cw_abi_callback_type* type) {
  os::ThreadWords* words = os::thread_words_here();
  const auto* callee = reinterpret_cast<const causeway::crossing::Callee*>(callback);
  // relaxed: looked at again inside.
  if ((words->note & os::note::kFlags) != 0 || words->m != nullptr ||
      callee->state.load(std::memory_order_relaxed) != causeway::closure::state_of(type)) [[unlikely]]
    return enter_callback_otherwise(callback, b, c, type);
  auto* m = reinterpret_cast<sched::M*>(words->note);
  if (m->gate.own_anchor() != causeway::crossing::kIdleAnchor) [[unlikely]]
    return enter_callback_nested(callback, b, c, type, words, m);
  if (!sched::on_known_stack(m, sched::frame_here())) [[unlikely]]
    return enter_callback_elsewhere(callback, b, c, type, words, m);
  return enter_callback_warm<false>(callback, b, c, type, words, m);
}

}  // namespace

[[gnu::hot, gnu::aligned(64)]] uint64_t cw_abi_enter_callback(cw_abi_callback* callback, uint64_t b, uint64_t c,
                                                              const cw_abi_callback_type* type) {
  return enter_callback(callback, b, c, type);
}

// A number of the past whose record serves another callback by the time the call is in: as a code pointer, it calls that one, if it is of this type.
[[gnu::hot, gnu::aligned(64)]] uint64_t cw_abi_enter_user_data(const void* data, uint64_t b, uint64_t c, const cw_abi_callback_type* type) {
  causeway::closure::Slot* slot = causeway::closure::find(reinterpret_cast<uint64_t>(data));
  if (slot == nullptr) [[unlikely]]
    return type->failed(CW_E_STALE, nullptr, b);
  return enter_callback(reinterpret_cast<cw_abi_callback*>(slot), b, c, type);
}

// The hints keep the way of most calls in one piece: a taken jump costs as much as five instructions.
[[gnu::hot, gnu::aligned(64)]] uint64_t cw_abi_enter(uint64_t a, uint64_t b, uint64_t c, const cw_abi_entry* entry) {
  os::ThreadWords* words = os::thread_words_here();
  if ((words->note & os::note::kFlags) != 0 || words->m != nullptr) [[unlikely]]
    return enter_otherwise(a, b, c, entry);
  auto* m = reinterpret_cast<sched::M*>(words->note);
  if (m->gate.own_anchor() != causeway::crossing::kIdleAnchor) [[unlikely]]
    return enter_nested(a, b, c, entry, words, m);
  if (!sched::on_known_stack(m, sched::frame_here())) [[unlikely]]
    return enter_elsewhere(a, b, c, entry, words, m);
  return enter_warm<false>(a, b, c, entry, words, m);
}

cw_status cw_enter(cw_fn fn, void* arg) {
  if (fn == nullptr) return fail(CW_E_INVALID, "cw_enter: fn is NULL");
  Guarded call{fn, arg};
  static constexpr cw_abi_entry kEntry{&Guarded::run, &Guarded::failed};
  cw_abi_enter(reinterpret_cast<uint64_t>(&call), 0, 0, &kEntry);
  return call.status == CW_E_PANIC ? fail(CW_E_PANIC, "cw_enter: an exception left the function") : call.status;
}

cw_status cw_post(cw_fn fn, void* arg) {
  if (fn == nullptr) return CW_E_INVALID;  // no text: a handler may be calling
  const int saved = errno;
  const cw_status status = sched::post(fn, arg);
  errno = saved;
  return status;
}

cw_status cw_thread_attach(void) {
  inbound::see_jumps(sched::frame_here());
  if (sched::current_green() != nullptr)
    return fail(CW_E_STATE, "cw_thread_attach: the caller is a green thread, which has its place already");
  return with_runtime([] { return inbound::attach(); });
}

cw_status cw_thread_detach(void) {
  inbound::see_jumps(sched::frame_here());
  const cw_status status = inbound::detach();
  return status == CW_OK ? CW_OK
                         : fail(status, "cw_thread_detach: not attached, on a green thread, or calls of this thread are still in progress");
}

cw_status cw_stack_declare(void* low, size_t size, cw_stack* out) {
  if (out == nullptr) return fail(CW_E_INVALID, "cw_stack_declare: out is NULL");
  const auto slot = handles().reserve();
  if (!slot) return fail(slot.error());
  if (auto declared = sched::declared_stacks::declare(reinterpret_cast<uintptr_t>(low), size); !declared) {
    handles().release(**slot);
    return fail(declared.error());
  }
  (*slot)->as<Declared>().low = reinterpret_cast<uintptr_t>(low);
  *out = handles().publish(**slot, HandleKind::Stack);
  return CW_OK;
}

cw_status cw_stack_undeclare(cw_stack stack) {
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().remove(stack, HandleKind::Stack, &slot); status != CW_OK)
    return fail_in("cw_stack_undeclare", status, handle_error_text(status));
  const PinScope pin(*slot, end_declared);
  return CW_OK;
}

void cw_abi_entry_failed(cw_status status, const void* function) {
  if (status == CW_E_ASYNC) return;  // the log is no place for a handler
  const uint64_t n = failures[static_cast<size_t>(status) % kStatuses].fetch_add(1, std::memory_order_relaxed) + 1;
  if ((n & (n - 1)) != 0) return;
  causeway::base::TextBuffer<512> line;
  line.append("an entry could not run its function at 0x")
      .append_hex(reinterpret_cast<uintptr_t>(function))
      .append(" and gave C its fallback: ");
  line.append(cw_status_name(status)).append(", ").append(why_not_entered(status)).append("; such calls so far: ").append_dec(n);
  causeway::base::log(causeway::base::LogLevel::Warn, line.view());
}

void cw_abi_entry_fatal(cw_status status, const void* function, const char* what) {
  causeway::trace::install_report_names();  // no runtime may have been started yet
  causeway::base::TextBuffer<512> text;
  sched::append_function(text, function);
  if (status == CW_E_PANIC) {
    text.append(", called from C");
    if (const sched::G* g = sched::current_green()) sched::append_identity(text.append(" on green thread "), g);
    text.append(", threw: ").append(what != nullptr ? what : "?");
    text.append(
        "; catch it there, or give it another policy: on_exception::return_value or tunnel, for C CW_ON_EXCEPTION_RETURN or _TUNNEL");
  } else {
    text.append(" could not be called from C, and its entry has no value to give instead: ").append(why_not_entered(status));
  }
  causeway::base::fatal(causeway::base::FatalId::UncaughtException, text.view());
}
