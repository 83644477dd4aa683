// SPDX-License-Identifier: MIT
//
// The checker's own threads of control on one OS thread, on ucontext: it must not stand on the switch that the
// product is made of. Sanitizers are told of every switch.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <memory>

#include "runtime/base/config.h"

#if CW_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if CW_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace causeway::interleave {

class Fiber {
 public:
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber() {
#if CW_TSAN
    if (stack_ && tsan_ != nullptr) __tsan_destroy_fiber(tsan_);
#endif
  }

  // Prepares main(argument) to run at the next switch to here; what ran here before is abandoned. It never returns.
  void start(void (*main)(void*) noexcept, void* argument) {
    if (!stack_) stack_ = std::make_unique<std::byte[]>(kStackBytes);
    main_ = main;
    argument_ = argument;
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_.get();
    context_.uc_stack.ss_size = kStackBytes;
    context_.uc_link = nullptr;
    starting() = this;
    makecontext(&context_, &Fiber::entry, 0);
    fresh_ = true;
#if CW_TSAN
    if (tsan_ != nullptr) __tsan_destroy_fiber(tsan_);
    tsan_ = __tsan_create_fiber(0);
#endif
  }

  void switch_to(Fiber& next) {
#if CW_TSAN
    if (!stack_) tsan_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(next.tsan_, 0);
#endif
#if CW_ASAN
    __sanitizer_start_switch_fiber(&fake_stack_, next.bottom(), next.size());
#endif
    if (next.fresh_) starting() = &next;
    next.fresh_ = false;
    from() = this;
    swapcontext(&context_, &next.context_);
    arrived(fake_stack_);
  }

 private:
  static constexpr size_t kStackBytes = 128 * 1024;

  static Fiber*& starting() {
    static Fiber* fiber = nullptr;
    return fiber;
  }
  static Fiber*& from() {
    static Fiber* fiber = nullptr;
    return fiber;
  }
  static void entry() {
    Fiber* const self = starting();
    arrived(nullptr);
    self->main_(self->argument_);
  }
  // The stack that we came from is the OS thread's own when it has none of ours: remember its bounds.
  static void arrived([[maybe_unused]] void* fake_stack) {
#if CW_ASAN
    const void* bottom = nullptr;
    size_t size = 0;
    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
    if (!from()->stack_) {
      from()->host_bottom_ = bottom;
      from()->host_size_ = size;
    }
#endif
  }
#if CW_ASAN
  const void* bottom() const { return stack_ ? stack_.get() : host_bottom_; }
  size_t size() const { return stack_ ? kStackBytes : host_size_; }
  void* fake_stack_ = nullptr;
  const void* host_bottom_ = nullptr;
  size_t host_size_ = 0;
#else
  void* fake_stack_ = nullptr;
#endif
#if CW_TSAN
  void* tsan_ = nullptr;
#endif

  ucontext_t context_{};
  std::unique_ptr<std::byte[]> stack_;
  void (*main_)(void*) noexcept = nullptr;
  void* argument_ = nullptr;
  bool fresh_ = false;
};

}  // namespace causeway::interleave
