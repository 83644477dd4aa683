// SPDX-License-Identifier: MIT
//
// event: a flag to wait for. Auto-reset: one wait takes one set away, waiters are served first come, first served. event{manual_reset}: a
// set lets everybody through until reset(). set() is for any thread and for signal handlers.
//
//   causeway::event ready;
//   causeway::go([&] { load(); ready.set(); });
//   ready.wait();                    // may be destroyed now
//
// Destroying it while somebody waits in it ends the process with a report.
#ifndef CAUSEWAY_EVENT_HPP
#define CAUSEWAY_EVENT_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <stop_token>

namespace causeway {

struct manual_reset_t {
  explicit manual_reset_t() = default;
};
inline constexpr manual_reset_t manual_reset{};

class event {
 public:
  constexpr event() noexcept = default;
  constexpr explicit event(manual_reset_t) noexcept : event_{0, CW_ABI_EVENT_MANUAL, nullptr} {}
  event(const event&) = delete;
  event& operator=(const event&) = delete;
  ~event() {
    if (event_.waiters != nullptr) [[unlikely]]
      cw_abi_destroyed_in_use("event", this);
  }

  // Signal-safe: yes; never blocks.
  void set() noexcept { cw_abi_event_set(&event_); }
  // Takes a set back.
  void reset() noexcept { cw_abi_event_reset(&event_); }

  // Waits until it is set. Throws error: CW_E_CANCELLED (the waiting green thread was asked to stop), CW_E_ASYNC (in a signal handler).
  void wait() { static_cast<void>(answer(cw_abi_event_wait(&event_, CW_FOREVER, nullptr))); }

  // False: a stop was requested. Throws as wait(), and so do the ones below.
  bool wait(const std::stop_token& stop) { return wait_limited(detail::forever, stop); }

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
  bool wait_limited(Limit limit) {
    return answer(limit([&](std::uint64_t timeout_ns) { return cw_abi_event_wait(&event_, timeout_ns, nullptr); }));
  }
  template <class Limit>
  bool wait_limited(Limit limit, const std::stop_token& stop) {
    detail::stop_wait wait(stop);
    return answer(limit([&](std::uint64_t timeout_ns) { return cw_abi_event_wait(&event_, timeout_ns, wait.get()); }), stop);
  }

  static bool answer(cw_status status, const std::stop_token& stop = {}) {
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_TIMEOUT || detail::stopped(status, stop)) return false;
    detail::fail(status, status == CW_E_CANCELLED ? "event: the waiting green thread was asked to stop" : cw_status_text(status));
  }

  cw_abi_event event_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_EVENT_HPP
