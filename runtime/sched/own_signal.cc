// SPDX-License-Identifier: MIT
//
// on_own_signal() runs in signal context: on a worker's alternate stack, or on what the host has given its thread.
#include "runtime/sched/own_signal.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/sched/foreign.hpp"
#include "runtime/sched/fork.hpp"
#include "runtime/sched/halt.hpp"
#include "runtime/sched/hog.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

// Constant while installed; 0: none is free.
int number;
bool ours_to_choose;  // option signal says nothing
std::atomic<bool> installed{false};
constinit base::Lock install_lock{base::LockRank::Log};  // taken while holding anything
CW_STATIC_LOCK(install_lock);

// Stack:       signal
// Signal-safe: yes
void on_own_signal(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  if (info->si_code != SI_TKILL || info->si_pid != getpid()) {
    errno = saved;
    os::chain_previous(signal, info, context);  // none of ours
    return;
  }
  M* m = this_m();
  M* bound = m != nullptr ? m : foreign::bound_m(*os::thread_words());
  if (bound != nullptr) bound->signalled.store(false, std::memory_order_release);
  if (m != nullptr) {
    const os::ContextRegisters at = os::context_registers(context);
    sample_hog(m, at);
    static_cast<void>(halt_in_handler(m, at));
  }
  errno = saved;
}

bool is_default(int signal) noexcept {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}

// The first that nobody has and this thread does not block. 0: there is none.
int first_free() noexcept {
  sigset_t blocked;
  if (pthread_sigmask(SIG_BLOCK, nullptr, &blocked) != 0) return 0;
  for (int candidate = SIGRTMIN; candidate <= SIGRTMAX; ++candidate)
    if (is_default(candidate) && sigismember(&blocked, candidate) == 0) return candidate;
  return 0;
}

}  // namespace

int own_signal() noexcept { return number; }

bool own_signal_ready() noexcept {
  base::LockGuard guard(install_lock);
  if (installed.load(std::memory_order_relaxed)) return own_signal_installed() != 0;
  // Somebody was faster, such as another copy of this library in the process.
  if (number != 0 && !is_default(number) && ours_to_choose) number = first_free();
  if (number == 0 || !is_default(number)) return false;
  if (!os::install_handler(number, &on_own_signal, SA_RESTART | SA_ONSTACK)) return false;
  installed.store(true, std::memory_order_relaxed);
  return true;
}

bool send_own_signal(M* m) noexcept {
  m->signalled.store(true, std::memory_order_relaxed);  // INV-SIG3
  if (syscall(SYS_tgkill, getpid(), m->tid.load(std::memory_order_relaxed), number) == 0) return true;
  m->signalled.store(false, std::memory_order_relaxed);
  return false;
}

void choose_own_signal(int signal) noexcept {
  // A handler that had to stay (INV-SIG3) is used again; if another signal is wanted now, it stays for those that may still come.
  if (own_signal_installed() != 0 && (signal == 0 || signal == number)) return;
  installed.store(false, std::memory_order_relaxed);
  ours_to_choose = signal == 0;
  number = ours_to_choose ? first_free() : signal;
}

namespace {

// What was sent to a thread ends with it. A number that another thread has by now counts as alive, which is the safe side.
bool thread_is_gone(const M& m) noexcept {
  const int bound = m.tid.load(std::memory_order_relaxed), tid = bound != 0 ? bound : m.last_tid;
  return syscall(SYS_tgkill, getpid(), tid, 0) != 0 && errno == ESRCH;
}

}  // namespace

void give_back_own_signal() noexcept {
  if (!installed.load(std::memory_order_relaxed)) return;
  // A signal that was sent arrives before its thread does anything else: all are out of user code by now. Else the handler stays.
  constexpr int kLooks = 10'000;
  constexpr uint64_t kNapNs = 100'000;
  bool over = true;
  for_each_m([&over](const M& m) {
    const auto under_way = [&m] {
      // acquire: pairs with the handler's release.
      return m.signalled.load(std::memory_order_acquire) && !m.ended.load(std::memory_order_acquire) && !(m.foreign && thread_is_gone(m));
    };
    for (int look = 0; look < kLooks && !m.foreign && under_way(); ++look) os::sleep_ns(kNapNs);
    over &= !under_way();
  });
  if (over && os::remove_handler(number)) installed.store(false, std::memory_order_relaxed);
}

void forget_own_signal() noexcept {
  if (installed.load(std::memory_order_relaxed) && os::remove_handler(number)) installed.store(false, std::memory_order_relaxed);
}

int own_signal_installed() noexcept {
  if (!installed.load(std::memory_order_relaxed)) return 0;
  struct sigaction action{};
  if (sigaction(number, nullptr, &action) != 0) return 0;
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &on_own_signal ? number : 0;
}

}  // namespace causeway::sched
