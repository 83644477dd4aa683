// SPDX-License-Identifier: MIT
#include "bridge/capi/tunnel.hpp"

#include <cxxabi.h>

#include <cstring>
#include <typeinfo>
#include <utility>

#include "bridge/capi/last_error.hpp"
#include "bridge/capi/uncaught.hpp"
#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

using crossing::Inbound;
using crossing::Outbound;
using sched::G;

// The green thread whose call out led to the C code that called g in; null: none did, or it has gone on.
G* caller_of(const G* g) noexcept {
  if (g == nullptr || !g->in.active || g->in.is(Inbound::kPlain)) return nullptr;
  G* outer = sched::outer_of(g);
  return outer != nullptr && outer->m == g->m && outer->out.in_c() ? outer : nullptr;
}

}  // namespace

cw_status fail_tunnelled(const std::exception_ptr& own) noexcept {
  std::exception_ptr exception;
  cw_abi_tunnelled(&exception);
  const auto rethrow = [](const std::exception_ptr& e) { return [&e] { std::rethrow_exception(e); }; };
  if (own) run_guarded(rethrow(own), [](const char* what) { uncaught(what); });
  run_guarded(rethrow(exception), [](const char* what) {
    base::TextBuffer<480> text;
    text.append("an exception left a callback: ").append(what);
    fail(CW_E_PANIC, text.view());
  });
  return CW_E_PANIC;
}

}  // namespace causeway::capi

using causeway::crossing::Outbound;

int cw_abi_tunnel(void* exception) {
  causeway::sched::G* caller = causeway::capi::caller_of(causeway::sched::current_green());
  if (caller == nullptr || caller->out.threw()) return 0;
  caller->tunnelled = std::move(*static_cast<std::exception_ptr*>(exception));
  // relaxed: INV-CR3; others mask the bit.
  caller->out.sp.store(caller->out.sp.load(std::memory_order_relaxed) | Outbound::kThrew, std::memory_order_relaxed);
  return 1;
}

void cw_abi_tunnelled(void* exception) {
  *static_cast<std::exception_ptr*>(exception) = std::exchange(causeway::sched::current_green()->tunnelled, nullptr);
}

int cw_abi_passes(void) {
  // Null of what is not C++'s. Asked for the type of that, the C++ library reads what lies before the exception in another language's memory.
  if (std::current_exception() == nullptr) return 1;
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return 1;
  // boost::context::detail::forced_unwind and its like, by the end of the mangled name: no header of theirs is ours to include.
  constexpr char kEnd[] = "13forced_unwindE";
  constexpr size_t kEndLength = sizeof kEnd - 1;
  const size_t length = std::strlen(type->name());
  return length >= kEndLength && std::strcmp(type->name() + length - kEndLength, kEnd) == 0 ? 1 : 0;
}
