// SPDX-License-Identifier: MIT
//
// What the host is given to call: C function pointers behind which green threads run.
#pragma once

#include <atomic>
#include <cstdint>

#include "app/service.hpp"
#include "host/host.h"

namespace app {

// What the callbacks work with; the host passes its address to each of them. Outlives the host.
class Callbacks {
 public:
  // fault: the first answer of each job is wrong, to see that the checks notice.
  Callbacks(Service& service, bool fault);
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  const host_callbacks& table() const { return table_; }

  std::uint64_t parked_now() const { return parked_now_.load(std::memory_order_relaxed); }
  std::uint64_t parked() const { return parked_.load(std::memory_order_relaxed); }

 private:
  // The callbacks.
  static int tick(int n);
  static std::uint64_t ask(void* user, std::uint64_t n);
  static std::uint64_t descend(void* user, std::uint64_t depth);
  static std::uint64_t pause(void* user, std::uint64_t n);

  std::uint64_t wait_for_answer(std::uint64_t n);

  Service& service_;
  const bool fault_;
  const host_callbacks table_;

  // For people; relaxed.
  std::atomic<std::uint64_t> parked_now_{0};
  std::atomic<std::uint64_t> parked_{0};
};

}  // namespace app
