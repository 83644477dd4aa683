// SPDX-License-Identifier: MIT
//
// Durations of std::chrono as the timeout_ns of the C functions: rounded up, so that no wait ends early; what is negative does
// not wait, what is over 584 years waits for ever.
#ifndef CAUSEWAY_TIMEOUT_HPP
#define CAUSEWAY_TIMEOUT_HPP

#include <causeway/causeway.h>

#include <chrono>
#include <cstdint>
#include <ratio>

namespace causeway::detail {

template <class Rep, class Period>
constexpr std::uint64_t timeout_ns(const std::chrono::duration<Rep, Period>& d) {
  if (!(d > d.zero())) return 0;  // also a floating-point NaN
  using exact = std::chrono::duration<long double, std::nano>;
  if (exact(d).count() >= 18446744073709551615.0L) return CW_FOREVER;
  using whole = std::chrono::duration<std::uint64_t, std::nano>;
  const auto down = std::chrono::duration_cast<whole>(d);
  return exact(down) < exact(d) ? down.count() + 1 : down.count();
}

// What is left until a point in time, on its own clock; 0 when it is past. Nothing overflows, however far apart the two are.
template <class Clock, class Duration>
std::uint64_t timeout_until(const std::chrono::time_point<Clock, Duration>& when) {
  using exact = std::chrono::duration<long double, std::nano>;
  return timeout_ns(exact(when.time_since_epoch()) - exact(Clock::now().time_since_epoch()));
}

// How long a call may wait: functions that call wait(timeout_ns) and give its answer.
inline constexpr auto forever = [](auto wait) -> cw_status { return wait(CW_FOREVER); };
inline constexpr auto at_once = [](auto wait) -> cw_status { return wait(std::uint64_t{0}); };

template <class Rep, class Period>
constexpr auto within(const std::chrono::duration<Rep, Period>& d) {
  return [ns = timeout_ns(d)](auto wait) -> cw_status { return wait(ns); };
}

// Until the clock shows `when`, also if it is set meanwhile; wait() is called at least once, with 0 when the time is past.
template <class Clock, class Duration>
auto until(const std::chrono::time_point<Clock, Duration>& when) {
  return [when](auto wait) -> cw_status {
    for (;;) {
      const std::uint64_t left = timeout_until(when);
      const cw_status status = wait(left);
      if (status != CW_E_TIMEOUT || left == 0) return status;
    }
  };
}

}  // namespace causeway::detail

#endif  // CAUSEWAY_TIMEOUT_HPP
