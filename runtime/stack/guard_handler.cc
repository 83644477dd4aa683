// SPDX-License-Identifier: MIT
//
// The handler for SIGSEGV and SIGBUS. Everything that on_fault() reaches is signal-safe, bounded, and fits an alternate stack.
//
// The pool may be stopped while another thread's fault, which is none of ours, is being looked at. So a handler counts itself in before
// it reads which pool there is, and uninstalling takes the pool away and then waits for the count to be zero.
//
//   INV-GH1  A handler touches the pool and calls the hooks only while it is counted in looking and has seen the pool, or the report, after that.
#include <signal.h>

#include <atomic>
#include <cerrno>

#include "runtime/os/os.hpp"
#include "runtime/stack/overflow.hpp"

namespace causeway::stack {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS};  // a guard answers with either, by CPU and kind

std::atomic<Pool*> watched_pool{nullptr};
std::atomic<DescribeOwner> describe_owner{nullptr};
std::atomic<DescribeSystemStack> describe_system_stack{nullptr};
std::atomic<FaultReport> fault_report{nullptr};
std::atomic<uint32_t> looking{0};

// Stack:       signal (the alternate one)
// Signal-safe: yes
void on_fault(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  // seq_cst, both: either uninstall_guard_handler() sees our count or we see its null (store-load race).
  looking.fetch_add(1, std::memory_order_seq_cst);
  const Pool* pool = watched_pool.load(std::memory_order_seq_cst);
  if (pool != nullptr && os::is_own_fault(signal, info)) {
    GuardHit hit = lookup_guard(*pool, reinterpret_cast<uintptr_t>(info->si_addr));
    if (hit.hit) {
      hit.sp = os::context_registers(context).sp;
      OverflowText text;
      // acquire: with the release in install_guard_handler(); the hook's own tables are set up.
      describe_guard_hit(hit, describe_owner.load(std::memory_order_acquire), text);
      base::fatal_at(base::FatalId::StackOverflow, text.view(), context);
    }
    OverflowText text;
    const DescribeSystemStack describe = describe_system_stack.load(std::memory_order_acquire);
    if (describe != nullptr && describe(reinterpret_cast<uintptr_t>(info->si_addr), text))
      base::fatal_at(base::FatalId::SystemStackOverflow, text.view(), context);
  }
  // seq_cst: as the pool.
  const FaultReport report = fault_report.load(std::memory_order_seq_cst);
  const bool goes_on = report == nullptr || report(signal, info, context);
  // release: our reads of the pool come before it is unmapped; pairs with the acquire in uninstall_guard_handler().
  looking.fetch_sub(1, std::memory_order_release);
  errno = saved_errno;
  if (goes_on) os::chain_previous(signal, info, context);
}

base::Result<void> install_handlers() noexcept {
  for (const int signal : kSignals)
    if (auto installed = os::install_handler(signal, on_fault, SA_ONSTACK); !installed) return installed.error();
  return {};
}

// Unless the other of the two is there. Needs: ours is not.
void remove_handlers() noexcept {
  // seq_cst: see on_fault().
  if (watched_pool.load(std::memory_order_seq_cst) == nullptr && fault_report.load(std::memory_order_seq_cst) == nullptr) {
    for (const int signal : kSignals)
      if (os::handler_active(signal)) os::remove_handler(signal);
  }
  // A handler looks for a microsecond, unless it reports: then the process ends, mostly, and we wait for that.
  while (looking.load(std::memory_order_seq_cst) != 0) os::sleep_ns(50'000);
}

}  // namespace

base::Result<void> install_guard_handler(Pool& pool, DescribeOwner owner, DescribeSystemStack system_stack) noexcept {
  // relaxed: installing and uninstalling are the runtime's start and stop, one at a time.
  if (watched_pool.load(std::memory_order_relaxed) != nullptr)
    return base::fail(CW_E_BUSY, "the guard handler already serves another stack pool: stop that runtime first");
  describe_owner.store(owner, std::memory_order_release);
  describe_system_stack.store(system_stack, std::memory_order_release);
  watched_pool.store(&pool, std::memory_order_release);  // release: the pool is complete; with the load in on_fault()
  if (auto installed = install_handlers(); !installed) {
    uninstall_guard_handler();
    return installed.error();
  }
  return {};
}

void uninstall_guard_handler() noexcept {
  // seq_cst: see on_fault().
  if (watched_pool.exchange(nullptr, std::memory_order_seq_cst) != nullptr) remove_handlers();
}

void forget_fault_handlers() noexcept { looking.store(0, std::memory_order_seq_cst); }

base::Result<void> install_fault_report(FaultReport report) noexcept {
  // release: what the report reads is set up; with the load in on_fault().
  fault_report.store(report, std::memory_order_release);
  if (auto installed = install_handlers(); !installed) {
    uninstall_fault_report();
    return installed.error();
  }
  return {};
}

void uninstall_fault_report() noexcept {
  if (fault_report.exchange(nullptr, std::memory_order_seq_cst) != nullptr) remove_handlers();
}

}  // namespace causeway::stack
