// SPDX-License-Identifier: MIT
//
// Check mode `poison`: who writes to memory of ours that was freed is found when that memory is used again.
#include <signal.h>
#include <stdlib.h>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

volatile unsigned char* kept = nullptr;

// Not inlined: the compiler would see that what is kept does not live long enough, which is the point.
[[gnu::noinline]] void keep(volatile void* address) {
  asm volatile("" : "+r"(address));
  kept = static_cast<volatile unsigned char*>(address);
}

[[gnu::noinline]] void keep_address_of_own_stack() {
  volatile unsigned char local[64];
  local[0] = 1;
  keep(&local[32]);
}

// One P: the next green thread gets the stack, or the record, that was released last. `leave` runs one green thread to its end.
template <class Leave>
void written_after_free(const char* check, Leave leave) {
  causeway::options options;
  options.processors = 1;
  options.check = check;
  causeway::runtime runtime(options);
  causeway::spawn([leave] {
    leave();
    *kept = 0x99;
    causeway::spawn([] {}).join();
  }).join();
}

void one_that_keeps_its_stack() {
  causeway::spawn([] { keep_address_of_own_stack(); }).join();
}

void one_that_keeps_its_closure() {
  struct Captured {
    unsigned char bytes[32] = {};
  };
  causeway::event over;
  causeway::go([captured = Captured{}, &over]() mutable {  // detached: it runs where it lies, in the record
    keep(captured.bytes);
    over.set();
  });
  over.wait();
  causeway::this_green::yield();  // it ends
}

void poison_stack_written() { written_after_free("poison", one_that_keeps_its_stack); }

void poison_closure_written() { written_after_free("poison", one_that_keeps_its_closure); }

// The same without the mode ends as if nothing were wrong: that is why the mode is there.
void poison_is_off_by_default() {
  unsetenv("CAUSEWAY_CHECK");  // of a run of all suites in the mode
  written_after_free("", one_that_keeps_its_stack);
}

}  // namespace

const std::vector<death::Case>& death::poison_cases() {
  static const std::vector<Case> cases = {
      {"poison_stack_written",
       poison_stack_written,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: invariant: the stack of an ended green thread was written after it was freed, at 0x"}}},
      {"poison_closure_written",
       poison_closure_written,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: invariant: the closure or result of a green thread was written after it was freed"}}},
      {"poison_is_off_by_default", poison_is_off_by_default, {.not_printed = {"fatal"}}},
  };
  return cases;
}
