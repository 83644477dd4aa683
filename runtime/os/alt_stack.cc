// SPDX-License-Identifier: MIT
#include "runtime/os/alt_stack.hpp"

#include <sys/auxv.h>

#include <cerrno>

#include "runtime/os/fault_hook.hpp"
#include "runtime/os/memory.hpp"

#if !defined(AT_MINSIGSTKSZ)
#define AT_MINSIGSTKSZ 51
#endif

namespace causeway::os {
namespace {

// What the kernel needs for one signal frame; the largest register state of the CPUs we know where it does not say.
size_t kernel_minimum() noexcept {
  const unsigned long bytes = getauxval(AT_MINSIGSTKSZ);
  return bytes != 0 ? bytes : 16384;
}

}  // namespace

size_t AltStack::usable_bytes() noexcept {
  constexpr size_t kOurs = 48 * 1024;  // the report's buffers and frames, and a host's handler that ours hands on to
  constexpr size_t kLeast = 64 * 1024;
  const size_t wanted = kernel_minimum() + kOurs;
  const size_t page = page_size();
  return ((wanted > kLeast ? wanted : kLeast) + page - 1) / page * page;
}

base::Result<void> AltStack::allocate() noexcept {
  if (memory_ != nullptr) return {};
  const size_t page = page_size();
  const size_t usable = usable_bytes();
  void* memory = map_reserve(page + usable);
  if (memory == nullptr) return base::fail(CW_E_NOMEM, "no memory for an alternate signal stack", errno);
  if (!protect_none(memory, page)) {
    const int error = errno;
    unmap(memory, page + usable);
    return base::fail(CW_E_NOMEM, "no guard below an alternate signal stack: too many mappings (vm.max_map_count)", error);
  }
  memory_ = memory;
  bytes_ = page + usable;
  low_ = reinterpret_cast<uintptr_t>(memory) + page;
  usable_ = usable;
  return {};
}

base::Result<void> AltStack::install() noexcept {
  CW_DCHECK(memory_ != nullptr, "an alternate stack is allocated before it is installed");
  stack_t ours{};
  ours.ss_sp = reinterpret_cast<void*>(low_);
  ours.ss_size = usable_;
  stack_t before{};
  if (fault_injected(FaultPoint::AltStack) || sigaltstack(&ours, &before) != 0) {
    const int error = errno;
    if (error == EPERM) return base::fail(CW_E_STATE, "the thread runs on its alternate signal stack now", error);
    return base::fail(CW_E_SYSTEM, "sigaltstack failed", error);
  }
  // Ours a second time is not what was there before it.
  if (!(installed_ && before.ss_sp == ours.ss_sp)) previous_ = before;
  installed_ = true;
  return {};
}

base::Result<void> AltStack::ensure() noexcept {
  const auto good = [](const stack_t& stack) { return (stack.ss_flags & SS_DISABLE) == 0 && stack.ss_size >= kernel_minimum(); };
  if (memory_ == nullptr) {
    stack_t now{};
    if (sigaltstack(nullptr, &now) != 0) return base::fail(CW_E_SYSTEM, "sigaltstack failed", errno);
    if (good(now)) return {};
    if (auto allocated = allocate(); !allocated) return allocated;
  }
  // Most threads have none: a look before would be a system call for nothing.
  if (auto installed = install(); !installed) return installed;
  if (good(previous_)) restore();
  return {};
}

void AltStack::restore() noexcept {
  if (!installed_) return;
  stack_t now{}, none{};
  none.ss_flags = SS_DISABLE;
  previous_.ss_flags &= SS_DISABLE;  // SS_ONSTACK is an answer, not a setting
  // What was there before may be refused now (too small for this kernel): then none.
  if (sigaltstack(&previous_, &now) != 0 && sigaltstack(&none, &now) != 0) now = none;
  if ((now.ss_flags & SS_DISABLE) != 0 || reinterpret_cast<uintptr_t>(now.ss_sp) != low_) {
    now.ss_flags &= SS_DISABLE;
    sigaltstack(&now, nullptr);  // C has set another one since, or none: that stays
  }
  installed_ = false;
}

void AltStack::release() noexcept {
  CW_DCHECK(!installed_, "an alternate stack is restored before it is released");
  if (memory_ != nullptr) unmap(memory_, bytes_);
  memory_ = nullptr;
  bytes_ = usable_ = 0;
  low_ = 0;
}

bool on_alternate_stack() noexcept {
  stack_t now{};
  return sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_ONSTACK) != 0;
}

}  // namespace causeway::os
