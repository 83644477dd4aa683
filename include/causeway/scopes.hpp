// SPDX-License-Identifier: MIT
//
// Scopes for what C has as a pair of functions: a declared host stack, a green thread kept on its OS thread, a thread kept bound.
//
//   causeway::declared_stack s{low, size};   // until the end of the scope, exact bounds for calls that come from there
//   causeway::thread_affinity a;             // the calling green thread keeps its OS thread
//   causeway::attached_thread t;             // the calling thread is bound now; its first call is as fast as the others
#ifndef CAUSEWAY_SCOPES_HPP
#define CAUSEWAY_SCOPES_HPP

#include <causeway/causeway.h>
#include <causeway/error.hpp>

#include <cstddef>
#include <utility>

namespace causeway {

// A host stack whose bounds the runtime knows; see cw_stack_declare(). Movable; ends before the memory does.
class declared_stack {
 public:
  declared_stack() noexcept = default;
  // Throws error: as cw_stack_declare().
  declared_stack(void* low, std::size_t size) {
    if (const cw_status status = cw_stack_declare(low, size, &stack_); status != CW_OK) detail::fail(status, cw_last_error());
  }
  declared_stack(declared_stack&& other) noexcept : stack_(std::exchange(other.stack_, 0)) {}
  declared_stack& operator=(declared_stack&& other) noexcept {
    std::swap(stack_, other.stack_);
    return *this;
  }
  ~declared_stack() {
    if (stack_ != 0) cw_stack_undeclare(stack_);
  }

  cw_stack raw() const noexcept { return stack_; }

 private:
  cw_stack stack_ = 0;
};

// Keeps the calling green thread on its OS thread until the end of the scope; see cw_thread_lock(). Not moved to another green thread.
class [[nodiscard]] thread_affinity {
 public:
  // Throws error: CW_E_STATE (not on a green thread), CW_E_LIMIT.
  thread_affinity() {
    if (const cw_status status = cw_thread_lock(); status != CW_OK) detail::fail(status, cw_last_error());
  }
  ~thread_affinity() { cw_thread_unlock(); }
  thread_affinity(const thread_affinity&) = delete;
  thread_affinity& operator=(const thread_affinity&) = delete;
};

// Keeps the calling thread bound until the end of the scope; see cw_thread_attach(). Ends on the same thread.
class [[nodiscard]] attached_thread {
 public:
  // Throws error: as cw_thread_attach().
  attached_thread() {
    if (const cw_status status = cw_thread_attach(); status != CW_OK) detail::fail(status, cw_last_error());
  }
  ~attached_thread() { cw_thread_detach(); }
  attached_thread(const attached_thread&) = delete;
  attached_thread& operator=(const attached_thread&) = delete;
};

}  // namespace causeway

#endif  // CAUSEWAY_SCOPES_HPP
