// SPDX-License-Identifier: MIT
//
// Faults that are none of ours go where they would go without us: to the host's handler, installed before or after our start, on the
// alternate stack or not, and else to the system's default.
//
// Risk: a crash handler of the host that is never called any more, or a fault that repeats for ever.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

void* forbidden_page() { return mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

void say(const char* text) {
  if (write(2, text, strlen(text)) < 0) _exit(90);
}

void* page;

void host_handler(int number, siginfo_t* info, void*) {
  say(number == SIGSEGV && info->si_addr == page ? "host: my fault\n" : "host: another fault\n");
  _exit(42);
}

void plain_handler(int) {
  say("host: plain\n");
  _exit(43);
}

void install(int flags) {
  struct sigaction action{};
  action.sa_sigaction = host_handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(SIGSEGV, &action, nullptr);
}

void touch() { *static_cast<volatile char*>(page) = 1; }
void touch_on_green() { causeway::spawn({.stack_size = 256 * 1024}, touch).join(); }

void before_start(int flags) {
  page = forbidden_page();
  install(flags);
  causeway::runtime runtime;
  touch_on_green();
}

void after_start(int flags) {
  page = forbidden_page();
  causeway::runtime runtime;
  install(flags);
  touch_on_green();
}

void on_a_plain_thread() {
  page = forbidden_page();
  install(0);
  causeway::runtime runtime;
  touch();
}

void without_siginfo() {
  page = forbidden_page();
  signal(SIGSEGV, plain_handler);
  causeway::runtime runtime;
  touch_on_green();
}

void default_action() {
  page = forbidden_page();
  signal(SIGSEGV, SIG_DFL);
  causeway::runtime runtime;
  touch_on_green();
}

void ignored_is_not_ignored() {  // as the kernel does with a fault
  page = forbidden_page();
  signal(SIGSEGV, SIG_IGN);
  causeway::runtime runtime;
  touch_on_green();
}

void after_stop() {
  page = forbidden_page();
  install(0);
  { causeway::runtime runtime; }
  touch();
}

void sent_signal() {
  page = nullptr;
  install(0);
  causeway::runtime runtime;
  causeway::spawn([] { raise(SIGSEGV); }).join();
}

// Our report comes first for a fault of ours, also with a host's handler below.
void overflow_with_host_handler() {
  install(0);
  causeway::runtime runtime;
  causeway::spawn([] { return death::recurse(0); }).join();
}

const death::Expected kHost{.exit_status = 42, .printed = {"host: my fault"}, .not_printed = {"causeway: fatal"}};
const death::Expected kDefault{.signal = SIGSEGV, .not_printed = {"causeway: fatal"}};

const std::vector<death::Case> kCases = {
    {"fault_to_a_handler_before_start", [] { before_start(0); }, kHost},
    {"fault_to_a_handler_before_start_on_alternate_stack", [] { before_start(SA_ONSTACK); }, kHost},
    {"fault_to_a_handler_after_start", [] { after_start(0); }, kHost},
    {"fault_to_a_handler_after_start_on_alternate_stack", [] { after_start(SA_ONSTACK); }, kHost},
    {"fault_on_a_plain_thread", on_a_plain_thread, kHost},
    {"fault_to_a_handler_without_siginfo", without_siginfo, {.exit_status = 43, .printed = {"host: plain"}}},
    {"fault_to_the_default_action", default_action, kDefault},
    {"fault_that_is_ignored_ends_the_process", ignored_is_not_ignored, kDefault},
    {"fault_after_stop", after_stop, kHost},
    {"fault_that_was_sent", sent_signal, {.exit_status = 42, .printed = {"host: another fault"}}},
    {"stack_overflow_with_a_host_handler",
     overflow_with_host_handler,
     {.signal = SIGABRT, .printed = {"causeway: fatal: stack-overflow: "}, .not_printed = {"host:"}}},
};

}  // namespace

const std::vector<death::Case>& death::fault_cases() { return kCases; }
