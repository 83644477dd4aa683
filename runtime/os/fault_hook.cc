// SPDX-License-Identifier: MIT
#include "runtime/os/fault_hook.hpp"

#include <cerrno>

namespace causeway::os {

bool fault_injected(FaultPoint point) noexcept {
  // acquire: pairs with set_fault_hook().
  const FaultHook hook = detail::fault_hook.load(std::memory_order_acquire);
  if (hook == nullptr) [[likely]]
    return false;
  const int error = hook(point);
  if (error == 0) return false;
  errno = error;
  return true;
}

namespace testing {
namespace {

struct Plan {
  std::atomic<unsigned> calls{0};
  std::atomic<unsigned> nth{0};  // 0: none
  std::atomic<bool> forever{false};
  std::atomic<int> error{0};
};
// relaxed throughout: the counter alone decides; the rest is set before the hook is.
constinit Plan plans[kFaultPoints];

int planned(FaultPoint point) noexcept {
  Plan& plan = plans[static_cast<unsigned>(point)];
  const unsigned call = plan.calls.fetch_add(1, std::memory_order_relaxed) + 1;
  const unsigned nth = plan.nth.load(std::memory_order_relaxed);
  if (nth == 0 || call < nth) return 0;
  return call == nth || plan.forever.load(std::memory_order_relaxed) ? plan.error.load(std::memory_order_relaxed) : 0;
}

}  // namespace

void fail_next(FaultPoint point, unsigned nth, bool forever, int error) noexcept {
  Plan& plan = plans[static_cast<unsigned>(point)];
  plan.calls.store(0, std::memory_order_relaxed);
  plan.forever.store(forever, std::memory_order_relaxed);
  plan.error.store(error, std::memory_order_relaxed);
  plan.nth.store(nth, std::memory_order_relaxed);
  set_fault_hook(&planned);
}

unsigned fault_calls(FaultPoint point) noexcept { return plans[static_cast<unsigned>(point)].calls.load(std::memory_order_relaxed); }

void clear_faults() noexcept {
  set_fault_hook(nullptr);
  for (Plan& plan : plans) {
    plan.nth.store(0, std::memory_order_relaxed);
    plan.calls.store(0, std::memory_order_relaxed);
  }
}

}  // namespace testing
}  // namespace causeway::os
