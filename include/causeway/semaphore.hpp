// SPDX-License-Identifier: MIT
//
// semaphore: so many at a time, green threads and plain threads. Taking one that is there is one exchange, giving it back another.
//
//   causeway::semaphore connections(8);
//   connections.acquire();
//   ...
//   connections.release();
//
// First come, first served: what is released while somebody waits is the first waiter's, and no newcomer can take it. Destroying it right
// after an acquire that got the last one is fine; destroying it while somebody waits in it ends the process with a report.
#ifndef CAUSEWAY_SEMAPHORE_HPP
#define CAUSEWAY_SEMAPHORE_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>

namespace causeway {

class semaphore {
 public:
  // The highest count.
  static constexpr std::ptrdiff_t max() noexcept { return CW_ABI_SEMAPHORE_MAX; }

  // Throws error: CW_E_INVALID (below 0, or over max()).
  constexpr explicit semaphore(std::ptrdiff_t initial) : semaphore_{checked(initial), nullptr} {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;
  ~semaphore() {
    if (semaphore_.waiters != nullptr) [[unlikely]]
      cw_abi_destroyed_in_use("semaphore", this);
  }

  // Waits until there is one, and takes it. Throws error: CW_E_CANCELLED (the waiting green thread was asked to stop), CW_E_ASYNC (in a
  // signal handler).
  void acquire() {
    if (!take()) static_cast<void>(answer(cw_abi_semaphore_acquire(&semaphore_, CW_FOREVER, nullptr)));
  }

  // False: a stop was requested. Throws as acquire(), and so do the ones below.
  bool acquire(const std::stop_token& stop) { return acquire_limited(detail::forever, stop); }

  bool try_acquire() noexcept { return take(); }

  // False: the time was up.
  template <class Rep, class Period>
  bool try_acquire_for(const std::chrono::duration<Rep, Period>& d) {
    return acquire_limited(detail::within(d));
  }
  template <class Clock, class Duration>
  bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& when) {
    return acquire_limited(detail::until(when));
  }

  // False: the time was up, or a stop was requested.
  template <class Rep, class Period>
  bool try_acquire_for(const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
    return acquire_limited(detail::within(d), stop);
  }
  template <class Clock, class Duration>
  bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
    return acquire_limited(detail::until(when), stop);
  }

  // Gives n back, by whoever. Not for signal handlers: an event may be set there.
  // Throws error: CW_E_INVALID (below 0), CW_E_LIMIT (the count would be over max(); it stays as it was), CW_E_ASYNC (in a signal handler).
  void release(std::ptrdiff_t n = 1) {
    if (n < 0) detail::fail(CW_E_INVALID, "semaphore: release of less than nothing");
    if (!give(static_cast<std::uint64_t>(n))) [[unlikely]]
      give_slowly(n);
  }

 private:
  static constexpr std::uint64_t checked(std::ptrdiff_t initial) {
    if (initial < 0 || initial > max()) detail::fail(CW_E_INVALID, "semaphore: the initial count must be 0 to 2^31 - 1");
    return static_cast<std::uint64_t>(initial);
  }

  [[gnu::always_inline]] bool take() noexcept {
    std::uint64_t seen = __atomic_load_n(&semaphore_.word, __ATOMIC_RELAXED);  // checked by the exchange
    while (seen != 0 && seen <= CW_ABI_SEMAPHORE_MAX) {
      // acquire: what who gave it back did; pairs with the release in give().
      if (__atomic_compare_exchange_n(&semaphore_.word, &seen, seen - 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return true;
    }
    return false;
  }

  [[gnu::always_inline]] bool give(std::uint64_t n) noexcept {
    std::uint64_t seen = __atomic_load_n(&semaphore_.word, __ATOMIC_RELAXED);  // checked by the exchange
    while (seen <= CW_ABI_SEMAPHORE_MAX && n <= CW_ABI_SEMAPHORE_MAX - seen) {
      // release: what the caller did; pairs with the acquire in take(). Our last access.
      if (__atomic_compare_exchange_n(&semaphore_.word, &seen, seen + n, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return true;
    }
    return false;
  }

  void give_slowly(std::ptrdiff_t n) {
    const cw_status status = n > max() ? CW_E_LIMIT : cw_abi_semaphore_release(&semaphore_, static_cast<std::uint32_t>(n));
    if (status != CW_OK) detail::fail(status, status == CW_E_LIMIT ? "semaphore: the count is over 2^31 - 1" : cw_status_text(status));
  }

  template <class Limit>
  bool acquire_limited(Limit limit) {
    return take() || answer(limit([&](std::uint64_t timeout_ns) { return cw_abi_semaphore_acquire(&semaphore_, timeout_ns, nullptr); }));
  }
  template <class Limit>
  bool acquire_limited(Limit limit, const std::stop_token& stop) {
    if (take()) return true;
    detail::stop_wait wait(stop);
    return answer(limit([&](std::uint64_t timeout_ns) { return cw_abi_semaphore_acquire(&semaphore_, timeout_ns, wait.get()); }), stop);
  }

  static bool answer(cw_status status, const std::stop_token& stop = {}) {
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_TIMEOUT || detail::stopped(status, stop)) return false;
    detail::fail(status, status == CW_E_CANCELLED ? "semaphore: the waiting green thread was asked to stop" : cw_status_text(status));
  }

  cw_abi_semaphore semaphore_;
};

}  // namespace causeway

#endif  // CAUSEWAY_SEMAPHORE_HPP
