// SPDX-License-Identifier: MIT
//
// BriefScope: the runtime state alone, for the common case of a call that takes one object's lock, finds what it needs, and neither waits nor
// wakes anybody. Where it is not to be had the call takes a WaitScope (wait.hpp), which can do everything.
//
// It writes one word before the lock is taken, where a WaitScope writes several: the lock's exchange waits until all stores before it have
// drained, and that is a sixth of what a value costs that goes through a channel with room (bench, row buffered).
#pragma once

#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

class [[nodiscard]] BriefScope {
 public:
  // Stack:       user
  // Signal-safe: yes
  // Blocks:      never
  BriefScope() noexcept : m_(this_m()) {
    if (m_ == nullptr || m_->gate.in_runtime()) {
      m_ = nullptr;  // a plain thread; or a signal handler that interrupted the runtime
    } else if (!m_->gate.enter_runtime()) [[unlikely]] {
      m_->gate.exit_runtime();
      m_ = nullptr;  // the P was taken, or somebody wants something of this M
    }
  }
  ~BriefScope() {
    if (m_ != nullptr) m_->gate.exit_runtime();
  }
  BriefScope(const BriefScope&) = delete;
  BriefScope& operator=(const BriefScope&) = delete;

  // False: not entered. True: a green thread, and until the end of the scope no switch.
  explicit operator bool() const noexcept { return m_ != nullptr; }

 private:
  M* m_;
};

}  // namespace causeway::sched
