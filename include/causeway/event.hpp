// SPDX-License-Identifier: MIT
//
// event: a flag to wait for. Auto-reset: one wait takes one set away, waiters are served first come, first served. event{manual_reset}: a
// set lets everybody through until reset(). set() is for any thread and for signal handlers.
//
//   causeway::event ready;
//   causeway::go([&] { load(); ready.set(); });
//   ready.wait();                    // may be destroyed now
#ifndef CAUSEWAY_EVENT_HPP
#define CAUSEWAY_EVENT_HPP

#include <causeway/error.hpp>
#include <causeway/timeout.hpp>

#include <chrono>

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

  // Signal-safe: yes; never blocks.
  void set() noexcept { cw_abi_event_set(&event_); }
  // Takes a set back.
  void reset() noexcept { cw_abi_event_reset(&event_); }

  // Waits until it is set. Throws error: CW_E_CANCELLED (the waiting green thread was asked to stop).
  void wait() { static_cast<void>(wait_ns(CW_FOREVER)); }

  bool try_wait() { return wait_ns(0); }

  // False: the time was up. Throws as wait().
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period>& d) {
    return wait_ns(detail::timeout_ns(d));
  }

  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration>& when) {
    return wait_for(when - Clock::now());
  }

 private:
  bool wait_ns(std::uint64_t timeout_ns) {
    const cw_status status = cw_abi_event_wait(&event_, timeout_ns);
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_TIMEOUT) return false;
    detail::fail(status, status == CW_E_CANCELLED ? "event: the waiting green thread was asked to stop" : cw_status_text(status));
  }

  cw_abi_event event_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_EVENT_HPP
