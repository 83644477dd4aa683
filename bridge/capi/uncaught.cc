// SPDX-License-Identifier: MIT
#include "bridge/capi/uncaught.hpp"

#include "causeway/abi.h"
#include "runtime/base/base.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

struct Handler {
  base::Lock lock{base::LockRank::Runtime};
  // --- guarded by lock ---
  cw_error_fn fn = nullptr;
  void* arg = nullptr;
};
constinit Handler handler;
CW_STATIC_LOCK(handler.lock);

}  // namespace

void uncaught(const char* what) noexcept {
  const sched::G* g = sched::current_green();
  base::TextBuffer<80> name;
  if (g != nullptr) {
    const sched::G* named = sched::outermost_of(g);
    base::LockGuard guard(const_cast<sched::G*>(named)->join_lock);
    sched::append_name(name, g, named->name);
  }
  cw_error_fn fn;
  void* arg;
  {
    base::LockGuard guard(handler.lock);
    fn = handler.fn;
    arg = handler.arg;
  }
  if (fn != nullptr) {
    fn(CW_E_PANIC, name.c_str(), what, arg);
    return;
  }
  base::TextBuffer<480> text;
  text.append("an exception left green thread ");
  text.append_dec(g != nullptr ? uint64_t{g->id} : 0);
  if (name.size() != 0) text.append(" \"").append(name.view()).append("\"");
  text.append(", and nobody can receive it: ");
  text.append(what);
  text.append("; catch it there, use spawn() and join(), or set an error handler");
  base::fatal(base::FatalId::UncaughtException, text.view());
}

}  // namespace causeway::capi

extern "C" {

cw_status cw_error_handler_set(cw_error_fn fn, void* arg) {
  causeway::base::LockGuard guard(causeway::capi::handler.lock);
  causeway::capi::handler.fn = fn;
  causeway::capi::handler.arg = arg;
  return CW_OK;
}

void cw_abi_uncaught(const char* what) { causeway::capi::uncaught(what); }

}  // extern "C"
