// SPDX-License-Identifier: MIT
//
// wait_group: waits until as many done() as add() were called.
//
//   causeway::wait_group group;
//   for (auto& part : parts) { group.add(); causeway::go([&] { part.work(); group.done(); }); }
//   group.wait();                    // may be destroyed now
//
// Destroying it while somebody waits in it ends the process with a report.
#ifndef CAUSEWAY_WAIT_GROUP_HPP
#define CAUSEWAY_WAIT_GROUP_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <stop_token>

namespace causeway {

class wait_group {
 public:
  constexpr wait_group() noexcept = default;
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;
  ~wait_group() {
    if (group_.waiters != nullptr) [[unlikely]]
      cw_abi_destroyed_in_use("wait_group", this);
  }

  // Throws error: CW_E_STATE (the count would be negative), CW_E_LIMIT (over 2^31 - 1); the count stays as it was.
  void add(std::int64_t delta = 1) {
    const cw_status status = cw_abi_wait_group_add(&group_, delta);
    if (status == CW_OK) [[likely]]
      return;
    detail::fail(status, status == CW_E_STATE ? "wait_group: more done() than add()" : "wait_group: the count is over 2^31 - 1");
  }

  void done() { add(-1); }

  // Waits until the count is 0. A stop request to the waiting green thread does not end it: what is waited for may use its memory.
  // Throws error: CW_E_ASYNC (in a signal handler).
  void wait() { static_cast<void>(answer(cw_abi_wait_group_wait(&group_, CW_FOREVER, nullptr))); }

  // False: a stop was requested.
  bool wait(const std::stop_token& stop) { return wait_limited(detail::forever, stop); }

  // Is the count 0?
  bool try_wait() { return wait_limited(detail::at_once); }

  // False: the time was up.
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period>& d) {
    return wait_limited(detail::within(d));
  }
  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration>& when) {
    return wait_limited(detail::until(when));
  }

  // False: the time was up, or a stop was requested.
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
    return wait_limited(detail::within(d), stop);
  }
  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
    return wait_limited(detail::until(when), stop);
  }

 private:
  template <class Limit>
  bool wait_limited(Limit limit, cw_abi_stop_wait* stop = nullptr) {
    return answer(limit([&](std::uint64_t timeout_ns) { return cw_abi_wait_group_wait(&group_, timeout_ns, stop); }));
  }
  template <class Limit>
  bool wait_limited(Limit limit, const std::stop_token& stop) {
    detail::stop_wait wait(stop);
    return wait_limited(limit, wait.get());
  }

  static bool answer(cw_status status) {
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_TIMEOUT || status == CW_E_CANCELLED) return false;
    detail::fail(status, cw_status_text(status));
  }

  cw_abi_wait_group group_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_WAIT_GROUP_HPP
