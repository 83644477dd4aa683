// SPDX-License-Identifier: MIT
//
// Crash reports: what is on the page for a fault in each kind of code. What comes afterwards is in crash_end.cc.
//
// Risk: a page that names the wrong code or green thread, or hides the crash: another signal at the end, a process that goes on.
#include "tests/cpp/death/crash.hpp"

#include <signal.h>

#include <atomic>
#include <thread>

#include "arch/arch.hpp"
#include "runtime/sched/sched.hpp"

namespace death {

// Not to be inlined, nor left by a jump.
extern "C" {
int* volatile crash_address = nullptr;
[[gnu::noinline, gnu::used]] void crash_here() {
  *const_cast<volatile int*>(crash_address) = 1;
  __asm__ volatile("" ::: "memory");
}
[[gnu::noinline, gnu::used]] void crash_middle() {
  crash_here();
  __asm__ volatile("" ::: "memory");
}
[[gnu::noinline, gnu::used]] void crash_outer() {
  crash_middle();
  __asm__ volatile("" ::: "memory");
}
void (*volatile crash_function)() = nullptr;
[[gnu::noinline, gnu::used]] void crash_calls_null() {
  crash_function();
  __asm__ volatile("" ::: "memory");
}
int volatile crash_zero = 0;
[[gnu::noinline, gnu::used]] int crash_divides() {
#if defined(__x86_64__)
  int result = 1;
  __asm__ volatile("" : "+r"(result));  // a division by a constant zero may be anything
  return result / crash_zero;
#else
  raise(SIGFPE);  // a division by zero is no fault there
  return crash_zero;
#endif
}
[[gnu::noinline, gnu::used]] void crash_traps() { __builtin_trap(); }
[[gnu::noinline, gnu::used]] void crash_aborts() {
  std::abort();
  __asm__ volatile("" ::: "memory");
}
}

}  // namespace death

namespace {

using causeway::call;
using causeway::enter;
using namespace death;

// --- where ------------------------------------------------------------------------------------------------------------------

void in_c() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "caller"}, [] { call(crash_outer); }).join();
}
void in_managed_code() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "culprit"}, [] { crash_outer(); }).join();
}
void in_a_callback_of_the_host() {
  causeway::runtime runtime(reporting());
  enter([] { crash_outer(); });
}
void in_c_of_a_callback() {
  causeway::runtime runtime(reporting());
  enter([] { call(crash_outer); });
}
void in_a_leaf() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "caller"}, [] { causeway::call_leaf(crash_outer); }).join();
}
void on_a_plain_thread() {
  causeway::runtime runtime(reporting());
  crash_outer();
}
void on_a_thread_that_called_in() {
  causeway::runtime runtime(reporting());
  enter([] {});
  crash_outer();
}

// The switch loads the registers of a context from an address where there is nothing.
void in_the_switch() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "switcher"}, [] {
    void* saved = nullptr;
    cw_arch_switch(&saved, page(), nullptr);
  }).join();
}

void in_a_handler(int flags) {
  causeway::runtime runtime(reporting());
  struct sigaction action{};
  action.sa_handler = [](int) { crash_outer(); };
  action.sa_flags = flags;
  sigaction(SIGUSR1, &action, nullptr);
  causeway::spawn({.name = "interrupted"}, [] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    raise(SIGUSR1);
  }).join();
}

void null_is_called() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "caller"}, [] { call(crash_calls_null); }).join();
}

// --- chains -------------------------------------------------------------------------------------------------------------------

// Three callbacks, one in the other; each calls C.
template <class Last>
void three_deep(Last last) {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "first"}, [last] {
    call([last] { enter([last] { call([last] { enter([last] { call([last] { enter([last] { call(last); }); }); }); }); }); });
  }).join();
}
void abort_three_deep() { three_deep(crash_aborts); }
void fault_three_deep() { three_deep(crash_outer); }
void fatal_three_deep() {
  three_deep(+[] { CW_CHECK(crash_zero == 1, "a test broke this on purpose"); });
}

// --- signals --------------------------------------------------------------------------------------------------------------------

void divides() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "divider"}, [] { crash_zero = crash_divides(); }).join();
}
void traps() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "trapped"}, [] { crash_traps(); }).join();
}
void breaks() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "stopped"}, [] {
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    raise(SIGTRAP);
#endif
    say("went on\n");
    _exit(3);
  }).join();
}
void bus_error() {
  causeway::runtime runtime(reporting());
  crash_address = static_cast<int*>(empty_file());
  causeway::spawn({.name = "mapper"}, [] { crash_outer(); }).join();
}
void uncaught_exception_of_the_host() {
  causeway::runtime runtime(reporting());
  std::thread([] { throw 5; }).join();
}
void sent() {
  causeway::runtime runtime(reporting());
  causeway::spawn([] { raise(SIGSEGV); }).join();
}

// --- guards, and our own reports --------------------------------------------------------------------------------------------------

void overflow() {
  causeway::runtime runtime(reporting());
  causeway::spawn({.name = "digger"}, [] { return recurse(0); }).join();
}
void overflow_of_the_system_stack() {
  causeway::options options = reporting();
  options.system_stack_size = 256 * 1024;
  causeway::runtime runtime(options);
  causeway::spawn({.name = "digger"}, [] { call([] { return recurse(0); }); }).join();
}
// No guard handler: the page says what the address is.
void overflow_without_the_guard_handler() {
  causeway::options options = reporting();
  options.guard_handler = false;
  causeway::runtime runtime(options);
  causeway::spawn({.name = "digger"}, [] { return recurse(0); }).join();
}
void into_the_stack_of_another() {
  causeway::runtime runtime(reporting());
  causeway::event never;
  std::atomic<char*> low{nullptr};
  causeway::go({.name = "victim"}, [&] {
    low = reinterpret_cast<char*>(causeway::sched::current_green()->stack.low);
    never.wait();
  });
  while (low == nullptr) std::this_thread::yield();
  mprotect(low, 4096, PROT_READ);
  crash_address = reinterpret_cast<int*>(low.load());
  causeway::spawn({.name = "writer"}, [] { crash_outer(); }).join();
}

#if defined(CW_CPU_PORTABLE)
constexpr const char* kSwitchLabel = "in ";
#else
constexpr const char* kSwitchLabel = "in the switch between green threads: ";
#endif

const std::vector<std::string> kChain = {
    "-- call out, of green thread ",        "-- callback, from C to green thread ", "\"first/callback\"",
    "-- call out, of green thread ",        "-- callback, from C to green thread ", "-- call out, of green thread ",
    "-- callback, from C to green thread ", "-- call out, of green thread ",        "\"first\""};
std::vector<std::string> chain_after(const char* head) {
  std::vector<std::string> all{head};
  all.insert(all.end(), kChain.begin(), kChain.end());
  return all;
}

const std::vector<death::Case> kCases = {
    {"crash_in_c", in_c,
     page_with(SIGSEGV, {"causeway: crash: SIGSEGV at 0x0: nothing is mapped there; a null pointer", "  in C code: 0x", "crash_here+0x",
                         "worker ", "\"caller\", running, in a call to C: ", "crash_outer+0x", "  #0 0x", "crash_here+0x", "  #1 0x",
                         "crash_middle+0x", "  #2 0x", "crash_outer+0x", "-- call out, of green thread ",
                         "\"caller\" to C: ", "green stack [", "system stack [", "sp 0x"})},
    {"crash_in_managed_code", in_managed_code,
     page_with(SIGSEGV, {"  in managed code: 0x", "crash_here+0x", "\"culprit\", running", "crash_outer+0x", "green stack [", "of 64 KiB",
                         "system #0 "})},
    {"crash_in_a_callback", in_a_callback_of_the_host,
     page_with(SIGSEGV,
               {"  in managed code: 0x", "of the program", "crash_here+0x", "crash_outer+0x", "-- callback, from C to green thread "})},
    {"crash_in_c_of_a_callback", in_c_of_a_callback,
     page_with(SIGSEGV, {"  in C code: 0x", "of the program", "-- call out, of green thread ", "-- callback, from C to green thread "})},
    {"crash_in_a_leaf", in_a_leaf, page_with(SIGSEGV, {"  in C code: 0x", "in a leaf call to ", "crash_outer+0x", "\"caller\", running"})},
    {"crash_on_a_plain_thread", on_a_plain_thread,
     page_with(SIGSEGV, {"  in code of a thread that never called in: 0x", "crash_outer+0x"})},
    {"crash_on_a_thread_that_called_in", on_a_thread_that_called_in,
     page_with(SIGSEGV, {"  in C code: 0x", "of the program", "crash_outer+0x"})},
    {"crash_in_the_switch", in_the_switch, page_with(SIGSEGV, {kSwitchLabel, "\"switcher\"", "#0 "})},
    {"crash_in_a_handler", [] { in_a_handler(SA_ONSTACK); },
     page_with(SIGSEGV, {"  in a signal handler: 0x", "\"interrupted\"", "crash_outer+0x"})},
    {"crash_in_a_handler_off_the_alternate_stack", [] { in_a_handler(0); },
     page_with(SIGSEGV, {"  in a signal handler: 0x", "\"interrupted\"", "crash_outer+0x", "-- signal handler, on top of"})},
    {"crash_of_a_null_call", null_is_called,
     page_with(SIGSEGV, {"a jump or call to it", "  in C code: 0x0 ?", "  #0 0x0 ?", "#1 0x", "crash_calls_null+0x",
                         "-- call out, of green thread "})},
    {"crash_by_abort_below_three_callbacks", abort_three_deep,
     page_with(SIGABRT, chain_after("causeway: crash: SIGABRT, raised by the process itself"))},
    {"crash_below_three_callbacks", fault_three_deep, page_with(SIGSEGV, chain_after("crash_outer"))},
    {"crash_by_a_fatal_error_below_three_callbacks",
     fatal_three_deep,
     {.signal = SIGABRT, .printed = chain_after("causeway: fatal: invariant: "), .not_printed = {"causeway: crash:"}}},
    {"crash_by_division", divides, page_with(SIGFPE, {"causeway: crash: SIGFPE", "\"divider\"", "crash_divides"})},
#if defined(__x86_64__)
    {"crash_by_a_trap", traps, page_with(SIGILL, {"causeway: crash: SIGILL: illegal instruction", "\"trapped\"", "crash_traps+0x"})},
#else
    {"crash_by_a_trap", traps, page_with(SIGTRAP, {"causeway: crash: SIGTRAP", "\"trapped\"", "crash_traps+0x"})},
#endif
    {"crash_by_a_breakpoint", breaks, page_with(SIGTRAP, {"causeway: crash: SIGTRAP", "\"stopped\""})},
    {"crash_beyond_a_file", bus_error, page_with(SIGBUS, {"causeway: crash: SIGBUS at 0x", "no memory behind the mapping", "\"mapper\""})},
    {"crash_by_an_exception_of_the_host", uncaught_exception_of_the_host,
     page_with(SIGABRT, {"causeway: crash: SIGABRT, raised by the process itself"})},
    {"crash_that_was_sent", sent, page_with(SIGSEGV, {"causeway: crash: SIGSEGV, raised by the process itself"})},
    {"crash_report_of_a_guard_hit",
     overflow,
     {.signal = SIGABRT,
      .printed = {"causeway: fatal: stack-overflow: green thread ", "\"digger\"", "#0 ", "green stack [", "system #0 ", "sp 0x"},
      .not_printed = {"causeway: crash:"}}},
    {"crash_report_of_a_system_stack_overflow",
     overflow_of_the_system_stack,
     {.signal = SIGABRT,
      .printed = {"causeway: fatal: system-stack-overflow: ", "\"digger\"", "#0 ", "recurse", " more\n", "-- call out, of green thread ",
                  "system stack ["},
      .not_printed = {"causeway: crash:"}}},
    {"crash_in_a_guard_without_its_handler", overflow_without_the_guard_handler,
     page_with(SIGSEGV, {"the guard below the stack of green thread ", "\"digger\"", "  in managed code: "})},
    {"crash_in_the_stack_of_another", into_the_stack_of_another,
     page_with(SIGSEGV, {"no permission for this access; in the stack of green thread ", "\"victim\"", "\"writer\", running"})},
};

}  // namespace

const std::vector<death::Case>& death::crash_cases() { return kCases; }
