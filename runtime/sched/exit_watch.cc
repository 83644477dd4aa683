// SPDX-License-Identifier: MIT
#include "runtime/sched/exit_watch.hpp"

#include <atomic>
#include <cstdlib>

namespace causeway::sched {

namespace {

constinit std::atomic<ExitHandler> exit_handler{nullptr};
constinit std::atomic<uint32_t> watched{0};

}  // namespace

void set_exit_handler(ExitHandler handler) noexcept { exit_handler.store(handler, std::memory_order_release); }

void watch_exit(ExitPlace place) noexcept {
  const uint32_t bit = 1u << static_cast<uint32_t>(place);
  if ((watched.load(std::memory_order_relaxed) & bit) != 0) return;
  ExitHandler handler = exit_handler.load(std::memory_order_acquire);
  // Without memory for it exit() goes on where it was called.
  if (handler != nullptr && (watched.fetch_or(bit, std::memory_order_relaxed) & bit) == 0) static_cast<void>(on_exit(handler, nullptr));
}

}  // namespace causeway::sched
