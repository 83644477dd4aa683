// SPDX-License-Identifier: MIT
//
// shared_mutex: held by one alone or by many that share it, green threads and plain threads. For std::unique_lock and std::shared_lock.
// Without competition getting in is one exchange, and getting out another.
//
// Nobody starves. While somebody waits, nobody else gets in. Who held it alone lets in all readers that wait at that moment; the last of the
// readers lets in the first waiting writer. So a reader waits for one writer at most, and a writer for those before it and one group of
// readers for each.
//
// A second lock by who holds it alone is an error. A reader that locks it again, alone or shared, may wait for itself: that is not noticed.
// Destroying it right after the last unlock is fine; destroying it while somebody waits in it ends the process with a report.
#ifndef CAUSEWAY_SHARED_MUTEX_HPP
#define CAUSEWAY_SHARED_MUTEX_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <stop_token>

namespace causeway {

class shared_mutex {
 public:
  constexpr shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;
  ~shared_mutex() {
    if (mutex_.writers != nullptr || mutex_.readers != nullptr) [[unlikely]]
      cw_abi_destroyed_in_use("shared_mutex", this);
  }

  // Waits until it is ours alone; a stop request to the waiting green thread does not end the wait.
  // Throws error: CW_E_STATE (the caller holds it alone already), CW_E_ASYNC (in a signal handler).
  void lock() { static_cast<void>(lock_limited(frame(), detail::forever)); }

  // False: a stop was requested. Throws as lock(), and so do the ones below.
  bool lock(const std::stop_token& stop) { return lock_limited(frame(), detail::forever, stop); }

  bool try_lock() noexcept { return take(frame()); }

  // False: the time was up.
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& d) {
    return lock_limited(frame(), detail::within(d));
  }
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration>& when) {
    return lock_limited(frame(), detail::until(when));
  }

  // False: the time was up, or a stop was requested.
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
    return lock_limited(frame(), detail::within(d), stop);
  }
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
    return lock_limited(frame(), detail::until(when), stop);
  }

  // Throws error: CW_E_STATE (nobody holds it alone), CW_E_ASYNC (in a signal handler; then it stays locked).
  void unlock() {
    // relaxed: only its owner reads its own address there, and it is gone before the mutex is.
    __atomic_store_n(&mutex_.owner, std::uintptr_t{0}, __ATOMIC_RELAXED);
    std::uint64_t expected = CW_ABI_SHARED_ALONE;
    // release: what the owner did; pairs with the acquires in take() and take_shared(). Our last access.
    if (!__atomic_compare_exchange_n(&mutex_.word, &expected, std::uint64_t{0}, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) [[unlikely]]
      unlocked(cw_abi_shared_mutex_unlock(&mutex_));
  }

  // The same for a share of it. Throws error: also CW_E_LIMIT (2^31 - 1 share it).
  void lock_shared() { static_cast<void>(lock_shared_limited(frame(), detail::forever)); }
  bool lock_shared(const std::stop_token& stop) { return lock_shared_limited(frame(), detail::forever, stop); }
  bool try_lock_shared() noexcept { return take_shared(); }

  template <class Rep, class Period>
  bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& d) {
    return lock_shared_limited(frame(), detail::within(d));
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& when) {
    return lock_shared_limited(frame(), detail::until(when));
  }
  template <class Rep, class Period>
  bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
    return lock_shared_limited(frame(), detail::within(d), stop);
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
    return lock_shared_limited(frame(), detail::until(when), stop);
  }

  // Throws error: CW_E_STATE (nobody shares it), CW_E_ASYNC (in a signal handler; then it stays locked).
  void unlock_shared() {
    std::uint64_t seen = __atomic_load_n(&mutex_.word, __ATOMIC_RELAXED);  // checked by the exchange
    while (seen - 1 < CW_ABI_SHARED_COUNT) {
      // release: what this reader did; acquire: hands on what the others did. Our last access.
      if (__atomic_compare_exchange_n(&mutex_.word, &seen, seen - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    }
    unlocked(cw_abi_shared_mutex_unlock_shared(&mutex_));
  }

 private:
  // As in mutex.
  [[gnu::always_inline]] static std::uintptr_t frame() noexcept { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

  [[gnu::always_inline]] bool take(std::uintptr_t here) noexcept {
    std::uint64_t expected = 0;
    // acquire: what the last owner, or the last readers, did; pairs with the releases of the unlocks.
    if (!__atomic_compare_exchange_n(&mutex_.word, &expected, CW_ABI_SHARED_ALONE, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return false;
    __atomic_store_n(&mutex_.owner, here, __ATOMIC_RELAXED);
    return true;
  }

  [[gnu::always_inline]] bool take_shared() noexcept {
    std::uint64_t seen = __atomic_load_n(&mutex_.word, __ATOMIC_RELAXED);  // checked by the exchange
    while (seen < CW_ABI_SHARED_COUNT) {
      // acquire: what the last owner did; pairs with the release in unlock().
      if (__atomic_compare_exchange_n(&mutex_.word, &seen, seen + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return true;
    }
    return false;
  }

  template <class Limit>
  bool lock_limited(std::uintptr_t here, Limit limit, cw_abi_stop_wait* stop = nullptr) {
    return take(here) || locked(limit([&](std::uint64_t timeout_ns) { return cw_abi_shared_mutex_lock(&mutex_, here, timeout_ns, stop); }));
  }
  template <class Limit>
  bool lock_limited(std::uintptr_t here, Limit limit, const std::stop_token& stop) {
    if (take(here)) return true;
    detail::stop_wait wait(stop);
    return lock_limited(here, limit, wait.get());
  }

  template <class Limit>
  bool lock_shared_limited(std::uintptr_t here, Limit limit, cw_abi_stop_wait* stop = nullptr) {
    return take_shared() ||
           locked(limit([&](std::uint64_t timeout_ns) { return cw_abi_shared_mutex_lock_shared(&mutex_, here, timeout_ns, stop); }));
  }
  template <class Limit>
  bool lock_shared_limited(std::uintptr_t here, Limit limit, const std::stop_token& stop) {
    if (take_shared()) return true;
    detail::stop_wait wait(stop);
    return lock_shared_limited(here, limit, wait.get());
  }

  static bool locked(cw_status status) {
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_TIMEOUT || status == CW_E_CANCELLED) return false;
    detail::fail(status, status == CW_E_STATE ? "shared_mutex: the caller holds it alone already" : cw_status_text(status));
  }

  static void unlocked(cw_status status) {
    if (status != CW_OK)
      detail::fail(status, status == CW_E_STATE ? "shared_mutex: unlock of one that is not locked in this way" : cw_status_text(status));
  }

  cw_abi_shared_mutex mutex_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_SHARED_MUTEX_HPP
