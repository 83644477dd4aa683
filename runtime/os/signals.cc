// SPDX-License-Identifier: MIT
//
// is_own_fault, handler_active and chain_previous are reachable from signal handlers.
#include "runtime/os/signals.hpp"

#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "runtime/os/fault_hook.hpp"

namespace causeway::os {
namespace {

using Action = struct sigaction;

constexpr int kSignals = 65;

// What is known about one signal.
struct Slot {
  // Written by install and remove only, which do not run at the same time.
  SignalHandler handler = nullptr;
  Action kept[2] = {};  // what `previous` points to: one in use, one to be filled
  unsigned filled = 0;
  // release/acquire: the action is complete before a handler sees it. Null: never installed.
  std::atomic<const Action*> previous{nullptr};
  std::atomic<bool> active{false};  // relaxed: a late handler that hands on what was ours is as good as one that came later
};
constinit Slot slots[kSignals];

const Action default_action{};  // all zeros: SIG_DFL, no flags, an empty mask

bool is_fault_signal(int signal) noexcept {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP || signal == SIGSYS;
}

// The instruction is run again when the handler returns. (After int3, and after a system call that a filter refused, it is the next one.)
bool repeats(int signal, const siginfo_t* info) noexcept { return signal != SIGTRAP && signal != SIGSYS && is_own_fault(signal, info); }

bool ignored_by_default(int signal) noexcept { return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT; }

void keep(Slot& slot, const Action& action) noexcept {
  slot.filled ^= 1;
  slot.kept[slot.filled] = action;
  slot.previous.store(&slot.kept[slot.filled], std::memory_order_release);
}

bool is(const Action& action, SignalHandler handler) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == handler;
}

// Makes the default action happen: for a fault by letting it repeat, for a sent signal by sending it again, to arrive when ours returns.
void take_default(int signal, const siginfo_t* info) noexcept {
  if (!is_own_fault(signal, info) && ignored_by_default(signal)) return;
  sigaction(signal, &default_action, nullptr);
  if (!repeats(signal, info)) syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), signal);
}

}  // namespace

void end_by_default(int signal, const siginfo_t* info) noexcept { take_default(signal, info); }

bool is_own_fault(int signal, const siginfo_t* info) noexcept { return is_fault_signal(signal) && info->si_code > 0; }

bool handler_active(int signal) noexcept { return signal > 0 && signal < kSignals && slots[signal].active.load(std::memory_order_relaxed); }

base::Result<void> install_handler(int signal, SignalHandler handler, int flags) noexcept {
  if (signal <= 0 || signal >= kSignals || handler == nullptr) return base::fail(CW_E_INVALID, "no such signal");
  Slot& slot = slots[signal];
  if (slot.handler != nullptr && slot.handler != handler && slot.active.load(std::memory_order_relaxed))
    return base::fail(CW_E_BUSY, "another handler of this library is installed for the signal");
  Action current{};
  if (fault_injected(FaultPoint::Sigaction) || sigaction(signal, nullptr, &current) != 0)
    return base::fail(CW_E_SYSTEM, "sigaction failed", errno);
  const bool below = slot.handler == handler && slot.previous.load(std::memory_order_relaxed) != nullptr;
  if (is(current, handler) || (below && current.sa_handler != SIG_DFL && current.sa_handler != SIG_IGN)) {
    // It is there, or the host's handler that was put on top of it hands on to it: on top of that one it would be in a circle. INV-SIG2
    slot.active.store(true, std::memory_order_relaxed);
    return {};
  }
  Action ours{};
  ours.sa_sigaction = handler;
  ours.sa_flags = flags | SA_SIGINFO;
  sigemptyset(&ours.sa_mask);
  keep(slot, current);  // first: a signal may come before sigaction() has returned
  slot.handler = handler;
  slot.active.store(true, std::memory_order_relaxed);
  Action replaced{};
  if (sigaction(signal, &ours, &replaced) != 0) {
    slot.active.store(false, std::memory_order_relaxed);
    return base::fail(CW_E_SYSTEM, "sigaction failed", errno);
  }
  if (replaced.sa_handler != current.sa_handler) keep(slot, replaced);  // another thread of the host was faster
  return {};
}

bool remove_handler(int signal) noexcept {
  if (signal <= 0 || signal >= kSignals) return true;
  Slot& slot = slots[signal];
  if (!slot.active.exchange(false, std::memory_order_relaxed)) return true;
  Action current{};
  if (sigaction(signal, nullptr, &current) != 0 || !is(current, slot.handler)) return false;  // INV-SIG1
  const Action* previous = slot.previous.load(std::memory_order_relaxed);
  if (sigaction(signal, previous, nullptr) != 0) return false;
  slot.handler = nullptr;  // `previous` stays: a signal that is being delivered still hands on. INV-SIG2
  return true;
}

void chain_previous(int signal, siginfo_t* info, void* context) {
  Slot& slot = slots[signal];
  // acquire: pairs with keep().
  const Action* action = slot.previous.load(std::memory_order_acquire);
  if (action == nullptr || action->sa_handler == SIG_DFL) return take_default(signal, info);
  if (action->sa_handler == SIG_IGN) {
    if (is_own_fault(signal, info)) take_default(signal, info);
    return;
  }
  if ((static_cast<unsigned>(action->sa_flags) & static_cast<unsigned>(SA_RESETHAND)) != 0) {
    // acq_rel: once only, whoever comes first; the loser finds the default there.
    const Action* expected = action;
    if (!slot.previous.compare_exchange_strong(expected, &default_action, std::memory_order_acq_rel)) return take_default(signal, info);
  }
  // The mask that the kernel would have set: what was blocked, what the action asks for, and the signal itself unless SA_NODEFER.
  sigset_t mask = static_cast<const ucontext_t*>(context)->uc_sigmask;
  sigorset(&mask, &mask, &action->sa_mask);
  if ((action->sa_flags & SA_NODEFER) == 0) sigaddset(&mask, signal);
  sigset_t ours;
  pthread_sigmask(SIG_SETMASK, &mask, &ours);
  if ((action->sa_flags & SA_SIGINFO) != 0) action->sa_sigaction(signal, info, context);
  else action->sa_handler(signal);
  const int saved = errno;
  pthread_sigmask(SIG_SETMASK, &ours, nullptr);
  errno = saved;
}

}  // namespace causeway::os
