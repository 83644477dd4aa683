// SPDX-License-Identifier: MIT
//
// mutex: one owner at a time, green thread or plain thread; a waiting green thread leaves its OS thread to others. For std::unique_lock
// and friends. Taking a free one is one exchange, giving it back another.
//
// Not fair, but nobody starves: a woken waiter competes with newcomers, because handing the mutex over at each unlock costs a switch
// per critical section; after it lost a few times the mutex is handed to it. Destroying it right after an unlock is fine; destroying it while
// somebody waits in it ends the process with a report.
#ifndef CAUSEWAY_MUTEX_HPP
#define CAUSEWAY_MUTEX_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <stop_token>

namespace causeway {

class mutex {
 public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  ~mutex() {
    if (mutex_.waiters != nullptr) [[unlikely]]
      cw_abi_destroyed_in_use("mutex", this);
  }

  // Waits until it is ours; a stop request to the waiting green thread does not end the wait.
  // Throws error: CW_E_STATE (the caller owns it already), CW_E_ASYNC (in a signal handler).
  void lock() {
    const std::uintptr_t here = frame();
    if (!take(here)) [[unlikely]]
      static_cast<void>(owned(cw_abi_mutex_lock(&mutex_, here, CW_FOREVER, nullptr)));
  }

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

  // Throws error: CW_E_STATE (nobody owns it).
  void unlock() {
    // relaxed: only its owner reads its own address there, and it is gone before the mutex is.
    __atomic_store_n(&mutex_.owner, std::uintptr_t{0}, __ATOMIC_RELAXED);
    std::uint32_t expected = CW_ABI_MUTEX_LOCKED;
    // release: what the owner did; pairs with the acquire in take(). Our last access.
    if (!__atomic_compare_exchange_n(&mutex_.word, &expected, 0u, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) [[unlikely]] {
      const cw_status status = cw_abi_mutex_unlock(&mutex_);
      if (status != CW_OK) detail::fail(status, "mutex: unlock of a mutex that is not locked");
    }
  }

 private:
  // An address in the stack of who locks. The stack's bounds tell later whether it was the caller's own.
  [[gnu::always_inline]] static std::uintptr_t frame() noexcept { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

  [[gnu::always_inline]] bool take(std::uintptr_t here) noexcept {
    std::uint32_t expected = 0;
    // acquire: what the last owner did; pairs with the release in unlock().
    if (!__atomic_compare_exchange_n(&mutex_.word, &expected, CW_ABI_MUTEX_LOCKED, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return false;
    __atomic_store_n(&mutex_.owner, here, __ATOMIC_RELAXED);
    return true;
  }

  template <class Limit>
  bool lock_limited(std::uintptr_t here, Limit limit, cw_abi_stop_wait* stop = nullptr) {
    return take(here) || owned(limit([&](std::uint64_t timeout_ns) { return cw_abi_mutex_lock(&mutex_, here, timeout_ns, stop); }));
  }
  template <class Limit>
  bool lock_limited(std::uintptr_t here, Limit limit, const std::stop_token& stop) {
    if (take(here)) return true;
    detail::stop_wait wait(stop);
    return lock_limited(here, limit, wait.get());
  }

  static bool owned(cw_status status) {
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_TIMEOUT || status == CW_E_CANCELLED) return false;
    detail::fail(status, status == CW_E_STATE ? "mutex: the caller owns it already" : cw_status_text(status));
  }

  cw_abi_mutex mutex_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_MUTEX_HPP
