// SPDX-License-Identifier: MIT
//
// The handlers, and who of several threads makes the report. All but the installing runs in signal handlers.
#include "runtime/trace/crash.hpp"

#include <signal.h>

#include <atomic>
#include <cerrno>

#include "runtime/sched/sched.hpp"
#include "runtime/trace/crash_frames.hpp"
#include "runtime/trace/crash_page.hpp"
#include "runtime/trace/report_stack.hpp"
#include "runtime/trace/trace.hpp"

namespace causeway::trace {

namespace {

constexpr int kOwnSignals[] = {SIGFPE, SIGILL, SIGTRAP, SIGABRT};
// Longer than a page takes on a stderr that takes nothing; and for its thread to die afterwards, so that the core is of the first crash.
constexpr uint64_t kPageNs = 3'000'000'000, kDeathNs = 1'000'000'000, kLookNs = 1'000'000;

std::atomic<bool> on{false};
std::atomic<uint32_t> looking{0};  // handlers that may read the scheduler

// The thread that has the page, 0 until there is one. Never goes back in its process: INV-CRASH1.
std::atomic<int> reporter{0};
std::atomic<bool> written{false};

struct Crash {
  int signal;
  siginfo_t* info;
  void* context;
};

void print_page(void* argument) noexcept {
  const Crash& crash = *static_cast<const Crash*>(argument);
  CrashPlace place = place_of(crash.context);
  Steps steps = walk_place(place, crash.context);
  if (place.code != Code::Switch && is_in_handler(steps)) place.code = Code::Handler;
  print_what(crash.signal, crash.info, place);
  print_where(place);
  print_steps(steps, place);
  print_stacks(place);
  print_registers(crash.context);
  Line line;
  line.append("causeway: crash: end of the report; the program's own handling of ")
      .append(signal_name(crash.signal))
      .append(" comes next\n");
  base::raw_write(line.view());
}

void wait_while(bool (*holds)() noexcept, uint64_t most_ns) noexcept {
  for (const uint64_t until = os::now_ns() + most_ns; holds() && os::now_ns() < until;) os::sleep_ns(kLookNs);
}

// The signal goes on to the host's disposition afterwards, unless false: then it has been ended.
bool report(int signal, siginfo_t* info, void* context) noexcept {
  const int self = os::thread_id();
  if (base::fatal_in_progress()) {
    if (base::fatal_reporter() != self) wait_while([]() noexcept { return true; }, kPageNs);
    return true;  // its abort(), or a fault of its own: it has said what there is to say
  }
  int nobody = 0;
  // acq_rel: one thread wins; the page's own state is the winner's.
  if (reporter.compare_exchange_strong(nobody, self, std::memory_order_acq_rel)) {
    Crash crash{signal, info, context};
    run_on_report_stack(&print_page, &crash);
    written.store(true, std::memory_order_release);
    return true;
  }
  if (nobody != self) {
    wait_while([]() noexcept { return !written.load(std::memory_order_acquire); }, kPageNs);
    wait_while([]() noexcept { return true; }, kDeathNs);
    return true;
  }
  if (written.load(std::memory_order_relaxed)) return true;
  os::end_by_default(signal, info);  // INV-CRASH2
  return false;
}

// Stack:       signal
// Signal-safe: yes
void on_crash(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  // seq_cst, both: either remove() sees our count or we see that it is off (store-load race).
  looking.fetch_add(1, std::memory_order_seq_cst);
  const bool goes_on = !on.load(std::memory_order_seq_cst) || report(signal, info, context);
  looking.fetch_sub(1, std::memory_order_release);  // our reads come before what remove() lets happen
  errno = saved;
  if (goes_on) os::chain_previous(signal, info, context);
}

void remove() noexcept {
  stack::uninstall_fault_report();
  on.store(false, std::memory_order_seq_cst);
  for (const int signal : kOwnSignals)
    if (os::handler_active(signal)) os::remove_handler(signal);
  while (looking.load(std::memory_order_seq_cst) != 0) os::sleep_ns(kLookNs);
}

base::Result<void> install() noexcept {
  on.store(true, std::memory_order_release);
  if (auto installed = stack::install_fault_report(&report); !installed) {
    on.store(false, std::memory_order_seq_cst);
    return installed.error();
  }
  for (const int signal : kOwnSignals) {
    if (auto installed = os::install_handler(signal, &on_crash, SA_ONSTACK); !installed) {
      remove();
      return installed.error();
    }
  }
  return {};
}

constexpr sched::CrashHooks kHooks{&install, &remove};

}  // namespace

void register_crash_reports() noexcept { sched::set_crash_hooks(&kHooks); }

void forget_crash_in_child() noexcept {
  // relaxed: there is one thread.
  reporter.store(0, std::memory_order_relaxed);
  written.store(false, std::memory_order_relaxed);
  looking.store(0, std::memory_order_relaxed);
  forget_report_stack_in_child();
}

bool crash_reports_on() noexcept { return on.load(std::memory_order_relaxed); }

}  // namespace causeway::trace
