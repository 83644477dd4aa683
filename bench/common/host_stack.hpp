// SPDX-License-Identifier: MIT
//
// Rows alternate/*: a host that calls from its thread's own stack and from a coroutine's in turn.
//
// The coroutine has 64 KiB from malloc; makecontext starts it, _setjmp and _longjmp switch. That is no system call, as in the coroutine
// libraries, and needs none of them. Not to be built with _FORTIFY_SOURCE, whose longjmp refuses to change stacks.
//
// What a switch costs is measured in the same process by the same loop without the calls, and subtracted.
#pragma once

#include <csetjmp>
#include <functional>

#include <ucontext.h>

#include "bench/common/calls.hpp"

namespace bench {

// A switch stands in its place, in the loops below: in a function of its own it would return elsewhere than it was called from, and the
// processor would predict that wrong, each time, at the cost of whatever is under way.
struct HostCoroutine {
  std::jmp_buf host;  // where the thread's own stack goes on
  std::jmp_buf own;   // where the coroutine does

  // `body` must not return; it ends with the process.
  explicit HostCoroutine(std::function<void(HostCoroutine&)> body) : body_(std::move(body)), stack_(std::malloc(kStackSize)) {
    ucontext_t first{};
    ucontext_t back{};
    getcontext(&first);
    first.uc_stack.ss_sp = stack_;
    first.uc_stack.ss_size = kStackSize;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&first, reinterpret_cast<void (*)()>(&HostCoroutine::run), 2, static_cast<unsigned>(self >> 32),
                static_cast<unsigned>(self));
    back_ = &back;
    swapcontext(&back, &first);
  }
  HostCoroutine(const HostCoroutine&) = delete;
  HostCoroutine& operator=(const HostCoroutine&) = delete;
  ~HostCoroutine() { std::free(stack_); }

 private:
  static constexpr std::size_t kStackSize = 64 * 1024;

  // makecontext passes ints, so the pointer comes in halves.
  static void run(unsigned high, unsigned low) {
    auto& self = *reinterpret_cast<HostCoroutine*>(std::uintptr_t{high} << 32 | low);
    if (_setjmp(self.own) == 0) { setcontext(self.back_); }
    self.body_(self);
    std::abort();
  }

  std::function<void(HostCoroutine&)> body_;
  void* stack_;
  ucontext_t* back_ = nullptr;
};

struct Alternation {
  double ns;         // of a call, on either stack in turn, without the switches
  double single_ns;  // of a call, all on the thread's own stack
  double switch_ns;  // of a switch
};

inline Alternation ns_of_alternating_calls(const Run& run, Target target) {
  int (*volatile p)(int) = target;
  // Outside the loops' own frames, where a jump back leaves them as they are.
  int counted_here = 0;
  int counted_there = 0;
  std::uint64_t left = 0;
  HostCoroutine caller([&](HostCoroutine& self) {
    for (;;) {
      counted_there = p(counted_there);
      if (_setjmp(self.own) == 0) { _longjmp(self.host, 1); }
    }
  });
  HostCoroutine silent([](HostCoroutine& self) {
    for (;;) {
      if (_setjmp(self.own) == 0) { _longjmp(self.host, 1); }
    }
  });
  const auto calls = [&](std::uint64_t rounds) {
    counted_here = counted_there = 0;
    for (left = rounds; left != 0; left -= 2) {
      counted_here = p(counted_here);
      if (_setjmp(caller.host) == 0) { _longjmp(caller.own, 1); }
    }
    must_have_counted(counted_here + counted_there, rounds);
  };
  const auto switches = [&](std::uint64_t rounds) {
    for (left = rounds; left != 0; left -= 2) {
      if (_setjmp(silent.host) == 0) { _longjmp(silent.own, 1); }
    }
  };
  const double single = ns_per_round(run, [&](std::uint64_t rounds) { call_rounds(target, rounds); });
  const double both = ns_per_round(run, calls, 2);
  const double bare = ns_per_round(run, switches, 2);
  return {both - bare, single, bare};
}

// `pthread`: on a thread of the host. `main-thread`: on the one that runs main(), which must be the caller.
inline void print_alternation(const Run& run, const char* peer, Target target) {
  if (run.variant != "pthread" && run.variant != "main-thread") { unknown_row(run); }
  Alternation found{};
  if (run.variant == "pthread") {
    std::thread([&] { found = ns_of_alternating_calls(run, target); }).join();
  } else {
    found = ns_of_alternating_calls(run, target);
  }
  print(run, peer, found.ns, 0, {{"single_ns", found.single_ns}, {"switch_ns", found.switch_ns}});
}

}  // namespace bench
