// SPDX-License-Identifier: MIT
#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/world/stopped.hpp"
#include "runtime/world/trap.hpp"
#include "runtime/world/turns.hpp"
#include "runtime/world/world.hpp"

namespace causeway::world {

namespace {

using crossing::Where;
using sched::M;

constexpr uint64_t kSpinNs = 20'000, kNapNs = 20'000, kManyNapsNs = 20'000'000, kLongNapNs = 500'000, kSignalAgainNs = 100'000'000;
constexpr uintptr_t kAsHandler = os::note::kInside | os::note::kAsync;

constinit std::atomic<uint64_t> count{0};

uint64_t deadline_of(uint64_t timeout_ns) noexcept {
  const uint64_t now = os::now_ns();
  return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

// The M that managed code of ours runs on here, inside the runtime and with the turn; it stays this thread's until leave(). Null: no such M.
struct Caller {
  M* m = nullptr;

  cw_status enter(uint64_t deadline) noexcept {
    m = sched::this_m();
    if (m == nullptr) return turns::take(deadline) ? CW_OK : CW_E_TIMEOUT;
    if (m->gate.in_runtime() || m->current->is_system) return CW_E_ASYNC;
    m = sched::enter_runtime(m);  // halts while another stop is under way
    bool taken = false;
    {
      const sched::RestScope rest(m);  // and here
      taken = turns::take(deadline);
    }
    if (taken) return CW_OK;
    m->gate.exit_runtime();
    return CW_E_TIMEOUT;
  }
  void leave() noexcept {
    turns::give_back();
    if (m != nullptr) m->gate.exit_runtime();
  }
};

// Nobody but `self` is inside. The first who is: *late.
bool all_outside(const M* self, M** late) noexcept {
  *late = nullptr;
  sched::for_each_m([&](M& m) {
    if (*late == nullptr && &m != self && !m.gate.stopped()) *late = &m;
  });
  return *late == nullptr;
}

// Those in user code that no signal is on its way to, or all of them.
void signal_user_code(const M* self, bool all) noexcept {
  if (!sched::own_signal_ready()) return;
  sched::for_each_m([&](M& m) {
    if (&m == self || m.gate.stopped() || m.gate.where() != Where::User || m.tid.load(std::memory_order_relaxed) == 0) return;
    // relaxed: a signal too many does nothing, and one too few is sent at the next look.
    if (all || !m.signalled.load(std::memory_order_relaxed)) static_cast<void>(sched::send_own_signal(&m));
  });
}

bool wait_until_outside(const M* self, uint64_t deadline, M** late) noexcept {
  const uint64_t start = os::now_ns();
  uint64_t all_again_at = start + kSignalAgainNs;
  for (;;) {
    if (all_outside(self, late)) return true;
    const uint64_t now = os::now_ns();
    if (now >= deadline) return false;
    if (now - start < kSpinNs) {
      arch::relax();
      continue;
    }
    // A handler that ran where it could not halt its M is wanted again.
    signal_user_code(self, now >= all_again_at);
    if (now >= all_again_at) all_again_at = now + kSignalAgainNs;
    const uint64_t nap = now - start < kManyNapsNs ? kNapNs : kLongNapNs;
    os::sleep_ns(nap < deadline - now ? nap : deadline - now);
  }
}

// It runs on while its name is read.
[[gnu::no_sanitize_thread]] void name_late(const M* m, LateText* text) noexcept {
  const sched::G* g = sched::read_racy(m->current);
  text->append("thread ").append_dec(static_cast<uint64_t>(m->tid.load(std::memory_order_relaxed)));
  if (g != nullptr && !g->is_system) {
    text->append(m->foreign ? ", in the callback of green thread " : ", in green thread ").append_dec(g->id.racy());
  }
  if (sched::own_signal_installed() == 0)
    text->append(", did not come to a call of the runtime, and option signal gives no signal that is free");
  else if (m->foreign)
    text->append(", did not stop: it does not call the runtime, and signal ")
        .append_dec(static_cast<uint64_t>(sched::own_signal()))
        .append(" is blocked on it, or it is not scheduled");
  else text->append(", did not stop in time");
}

}  // namespace

uint64_t stops() noexcept { return count.load(std::memory_order_relaxed); }

bool stopped_by_us() noexcept { return is_stopped() && turns::is_ours(); }

namespace {

// On a thread of the host: a handler on top of us is told CW_E_ASYNC, and in such a handler we say so.
class HostScope {
 public:
  HostScope() noexcept : host_(sched::this_m() == nullptr), before_(host_ ? os::set_thread_flags(os::note::kInside) : 0) {}
  ~HostScope() {
    if (host_) os::clear_thread_flags(kAsHandler & ~before_);
  }
  HostScope(const HostScope&) = delete;
  HostScope& operator=(const HostScope&) = delete;
  bool async() const noexcept { return (before_ & kAsHandler) != 0; }

 private:
  bool host_;
  uintptr_t before_;
};

// The function itself. Whatever else of ours it calls is answered as in a signal handler.
void run_stopped(M* m, cw_fn fn, void* arg) noexcept {
  arch::Registers registers;
  if (m != nullptr) sched::halt_here(m, &registers);
  else os::set_thread_flags(os::note::kAsync);
  set_stopped(true);
  fn(arg);
  set_stopped(false);
  if (m != nullptr) static_cast<void>(m->gate.back_inside(Where::Runtime));
  else os::clear_thread_flags(os::note::kAsync);
  count.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void forget_in_child() noexcept {
  turns::forget();
  set_stopped(false);
}

cw_status run(uint64_t timeout_ns, cw_fn fn, void* arg, LateText* late_text) noexcept {
  if (turns::is_ours()) return CW_E_STATE;
  const HostScope host;
  if (host.async()) return CW_E_ASYNC;
  const sched::ForeignCall call;  // the runtime stays
  if (!call.ok()) return sched::phase() == sched::Phase::Forked ? CW_E_FORKED : CW_E_NOT_READY;
  const uint64_t deadline = deadline_of(timeout_ns);
  Caller caller;
  if (const cw_status status = caller.enter(deadline); status != CW_OK) {
    if (status == CW_E_TIMEOUT) late_text->append("another stop of the world was under way all the time");
    return status;
  }
  const bool guarded = sched::scheduler().options.check_world;
  if (guarded) trap::set();
  sched::halt_all(caller.m);
  // Before the barrier: both interrupt the CPUs that run code of ours, and where that is slow (a virtual machine may take until the next tick of its
  // clock), they arrive together.
  signal_user_code(caller.m, true);
  base::asym::heavy();  // pairs with light() where an owner comes inside
  M* late = nullptr;
  const bool outside = wait_until_outside(caller.m, deadline, &late);
  if (outside) run_stopped(caller.m, fn, arg);
  else name_late(late, late_text);
  if (sched::phase() == sched::Phase::Forked) {  // the function has forked, and in the child there is nobody to go on
    if (guarded) trap::take_back();
    caller.leave();
    return CW_E_FORKED;
  }
  sched::go_on(caller.m);
  if (guarded) trap::take_back();
  caller.leave();
  return outside ? CW_OK : CW_E_TIMEOUT;
}

}  // namespace causeway::world
