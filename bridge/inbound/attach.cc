// SPDX-License-Identifier: MIT
//
// Binding a thread before its first call, and giving its M back before it ends.
#include "bridge/inbound/inbound.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::inbound {

namespace foreign = sched::foreign;

namespace {

// Until its end a handler on top of us that calls in, or attaches, is told CW_E_ASYNC, as in enter(); in such a handler it says so.
class ShutOut {
 public:
  ShutOut() noexcept : before_(os::set_thread_flags(os::note::kInside)) {}
  ~ShutOut() {
    if ((before_ & os::note::kInside) == 0) os::clear_thread_flags(os::note::kInside);
  }
  ShutOut(const ShutOut&) = delete;
  ShutOut& operator=(const ShutOut&) = delete;
  bool async() const noexcept { return (before_ & (os::note::kInside | os::note::kAsync)) != 0; }

 private:
  uintptr_t before_;
};

// The first call finds a green thread ready.
cw_status make_ready(sched::M* m) noexcept {
  if (const cw_status status = foreign::admit(m); status != CW_OK) return status;
  if (m->call_greens != nullptr) return CW_OK;
  os::ThreadWords* words = m->words;
  sched::shut_out_handlers(words, m);
  const uintptr_t before = m->gate.own_anchor();
  cw_status status = CW_E_STOPPED;
  bool in = m->gate.come_back();
  if (!in) {
    sched::wait_outside(m, before);
    in = m->gate.poll_bits() == 0;
  }
  if (in) {  // while the anchor is 0 the runtime stays
    m->call_greens = foreign::make_call_green(m);
    status = m->call_greens != nullptr ? CW_OK : CW_E_NOMEM;
  }
  sched::into_c(words, m, before);
  return status;
}

}  // namespace

cw_status attach() noexcept {
  const os::ThreadWords* words = os::thread_words();
  if (words->m != nullptr) return CW_E_ASYNC;  // not of user code on a green thread: its caller has looked
  const ShutOut shut_out;
  if (shut_out.async()) return CW_E_ASYNC;
  sched::M* m = foreign::bound_m(*words);
  if (m == nullptr) {
    bool per_call = false;
    if (const cw_status status = foreign::borrow_m(&m, &per_call); status != CW_OK) return status;
    if (per_call) {  // nobody would give it back
      foreign::give_back_m(m);
      return CW_E_LIMIT;
    }
  }
  if (m->lost) return CW_E_FORKED;
  if (!m->foreign || m->attached == UINT32_MAX) return CW_E_STATE;
  if (const cw_status status = make_ready(m); status != CW_OK) return status;
  ++m->attached;
  return CW_OK;
}

cw_status detach() noexcept {
  const os::ThreadWords* words = os::thread_words();
  const ShutOut shut_out;
  if (shut_out.async()) return CW_E_ASYNC;
  sched::M* m = foreign::bound_m(*words);
  if (words->m != nullptr || m == nullptr || !m->foreign || m->attached == 0) return CW_E_STATE;
  if (m->attached == 1 && m->inside() != 0) return CW_E_STATE;
  if (--m->attached == 0) foreign::give_back_m(m);
  return CW_OK;
}

}  // namespace causeway::inbound
