// SPDX-License-Identifier: MIT
//
// What the tests of the CPU layer share: a stack with a guard, a context that runs a function object, and backtraces.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <unwind.h>

#include "arch/arch.hpp"
#include "runtime/base/config.h"

#if CW_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace causeway::arch::test {

// 256 KiB: sanitizer builds and the deep recursion case fit; one inaccessible page below stops whoever runs over.
constexpr std::size_t kStackBytes = 256 * 1024;

class TestStack {
 public:
  TestStack() : TestStack(nullptr) {}
  // Near `hint`, which the kernel follows when the place is free.
  explicit TestStack(void* hint) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size_ = kStackBytes + page;
    base_ = static_cast<std::byte*>(mmap(hint, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (base_ == MAP_FAILED || mprotect(base_, page, PROT_NONE) != 0) std::abort();
    low_ = base_ + page;
  }
  ~TestStack() { munmap(base_, size_); }
  TestStack(const TestStack&) = delete;
  TestStack& operator=(const TestStack&) = delete;

  std::byte* high() const { return base_ + size_; }
  std::uintptr_t low_address() const { return reinterpret_cast<std::uintptr_t>(low_); }
  std::uintptr_t high_address() const { return reinterpret_cast<std::uintptr_t>(high()); }
  bool contains(const void* address) const {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    return at >= low_address() && at < high_address();
  }

 private:
  std::byte* base_;
  std::byte* low_;
  std::size_t size_;
};

// The thread sanitizer keeps a call stack of its own for each fibre, and is told of a switch by a function that is not on it.
#if CW_TSAN
class Fibre {
 public:
  Fibre() : own_(__tsan_create_fiber(0)) {}
  ~Fibre() { __tsan_destroy_fiber(own_); }
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;
  void* own() const { return own_; }
  static void* current() { return __tsan_get_current_fiber(); }
  __attribute__((noinline, disable_sanitizer_instrumentation)) static void* hop(void** save_sp, void* load_sp, void* value, void* to) {
    __tsan_switch_to_fiber(to, 0);
    return cw_arch_switch(save_sp, load_sp, value);
  }

 private:
  void* own_;
};
#else
class Fibre {
 public:
  void* own() const { return nullptr; }
  static void* current() { return nullptr; }
  static void* hop(void** save_sp, void* load_sp, void* value, void*) { return cw_arch_switch(save_sp, load_sp, value); }
};
#endif

// A context on a stack of its own. resume() runs it until it calls suspend(); the body must be resumed until it is done.
class Context {
 public:
  explicit Context(std::function<void(Context&)> body) : body_(std::move(body)) { saved_ = prepare(stack_.high(), &Context::enter); }

  // Switches to the context; returns what it passes to suspend(), or null when the body is over.
  void* resume(void* value = nullptr) {
    if (!started_) {
      started_ = true;
      first_value_ = value;
      value = this;
    }
    host_fibre_ = Fibre::current();
    return Fibre::hop(&host_, saved_, value, fibre_.own());
  }
  // Inside the body: back to resume(); returns what the next resume() passes.
  void* suspend(void* value = nullptr) { return Fibre::hop(&saved_, host_, value, host_fibre_); }

  void* first_value() const { return first_value_; }
  bool done() const { return done_; }
  void* saved() const { return saved_; }
  void** saved_slot() { return &saved_; }
  void** host_slot() { return &host_; }
  const TestStack& stack() const { return stack_; }

 private:
  static void enter(void* value) {
    auto& self = *static_cast<Context*>(value);
    self.body_(self);
    self.done_ = true;
    self.suspend();
  }

  TestStack stack_;
  Fibre fibre_;
  void* host_fibre_ = nullptr;
  std::function<void(Context&)> body_;
  void* saved_ = nullptr;
  void* host_ = nullptr;
  void* first_value_ = nullptr;
  bool started_ = false;
  bool done_ = false;
};

// Calls a function object on another stack.
template <class F>
void pivot(const TestStack& stack, F&& body) {
  cw_arch_pivot(
      stack.high(),
      [](void* argument) -> void* {
        (*static_cast<std::remove_reference_t<F>*>(argument))();
        return nullptr;
      },
      &body);
}

// Start addresses of the functions of the running stack, innermost first, as the unwind tables tell them. Bounded, because a walk
// that does not end is one of the faults looked for.
constexpr std::size_t kMaxFrames = 200;

struct Backtrace {
  std::vector<std::uintptr_t> functions;
  std::vector<std::uintptr_t> stack_pointers;  // in each of them, at its call
  _Unwind_Reason_Code end;

  std::size_t count(std::uintptr_t function) const {
    std::size_t found = 0;
    for (const auto at : functions) found += at == function ? 1 : 0;
    return found;
  }
  template <class R, class... A>
  std::size_t count(R (*function)(A...)) const {
    return count(reinterpret_cast<std::uintptr_t>(function));
  }
};

[[gnu::noinline]] inline Backtrace backtrace_here() {
  Backtrace trace;
  trace.end = _Unwind_Backtrace(
      [](_Unwind_Context* context, void* argument) {
        auto& out = *static_cast<Backtrace*>(argument);
        if (out.functions.size() == kMaxFrames) return _URC_NORMAL_STOP;
        out.functions.push_back(_Unwind_GetRegionStart(context));
        out.stack_pointers.push_back(_Unwind_GetCFA(context));
        return _URC_NO_REASON;
      },
      &trace);
  return trace;
}

inline void* to_pointer(std::uintptr_t value) { return reinterpret_cast<void*>(value); }
inline std::uintptr_t to_number(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace causeway::arch::test
