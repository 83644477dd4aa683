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

// What is left until a point in time, on its own clock.
template <class Clock, class Duration>
std::uint64_t timeout_until(const std::chrono::time_point<Clock, Duration>& when) {
  return timeout_ns(when - Clock::now());
}

}  // namespace causeway::detail

#endif  // CAUSEWAY_TIMEOUT_HPP
