// SPDX-License-Identifier: MIT
//
// wait_group: waits until as many done() as add() were called.
//
//   causeway::wait_group group;
//   for (auto& part : parts) { group.add(); causeway::go([&] { part.work(); group.done(); }); }
//   group.wait();                    // may be destroyed now
#ifndef CAUSEWAY_WAIT_GROUP_HPP
#define CAUSEWAY_WAIT_GROUP_HPP

#include <causeway/error.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>

namespace causeway {

class wait_group {
 public:
  constexpr wait_group() noexcept = default;
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;

  // Throws error: CW_E_STATE (the count would be negative), CW_E_LIMIT (over 2^31 - 1); the count stays as it was.
  void add(std::int64_t delta = 1) {
    const cw_status status = cw_abi_wait_group_add(&group_, delta);
    if (status == CW_OK) [[likely]]
      return;
    detail::fail(status, status == CW_E_STATE ? "wait_group: more done() than add()" : "wait_group: the count is over 2^31 - 1");
  }

  void done() { add(-1); }

  // Waits until the count is 0. A stop request does not end the wait: what is waited for may use the waiter's memory.
  void wait() {
    const cw_status status = cw_abi_wait_group_wait(&group_, CW_FOREVER);
    if (status != CW_OK) detail::fail(status, cw_status_text(status));
  }

  // False: the time was up.
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period>& d) {
    const cw_status status = cw_abi_wait_group_wait(&group_, detail::timeout_ns(d));
    if (status != CW_OK && status != CW_E_TIMEOUT) detail::fail(status, cw_status_text(status));
    return status == CW_OK;
  }

  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration>& when) {
    return wait_for(when - Clock::now());
  }

 private:
  cw_abi_wait_group group_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_WAIT_GROUP_HPP
