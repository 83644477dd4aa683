// SPDX-License-Identifier: MIT
//
// once: something that is done once, by whoever comes first, green thread or plain thread; the others wait until it is done.
//
//   causeway::once loaded;
//   loaded.call([&] { table = load(); });   // in every function that needs the table
//
// When the function throws, it is not done: the exception goes to its caller, and the next caller, or one of those that wait, does it. All
// that the function did is visible to who finds it done. Destroying the once right after a call() is fine; destroying it while somebody waits
// in it ends the process with a report.
#ifndef CAUSEWAY_ONCE_HPP
#define CAUSEWAY_ONCE_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <utility>

namespace causeway {

class once {
 public:
  constexpr once() noexcept = default;
  once(const once&) = delete;
  once& operator=(const once&) = delete;
  ~once() {
    if (once_.waiters != nullptr) [[unlikely]]
      cw_abi_destroyed_in_use("once", this);
  }

  // Calls f unless it is done; returns when it is. A stop request to the waiting green thread does not end the wait.
  // Throws what f throws, and error: CW_E_STATE (called by f itself), CW_E_ASYNC (in a signal handler that would have to wait).
  template <class F>
  void call(F&& f) {
    static_cast<void>(call_limited(std::forward<F>(f), frame(), detail::forever));
  }

  // False: a stop was requested while somebody else was at it. Throws as call(), and so do the ones below.
  template <class F>
  bool call(F&& f, const std::stop_token& stop) {
    return call_limited(std::forward<F>(f), frame(), detail::forever, stop);
  }

  // False: the time was up while somebody else was at it. It does not limit f.
  template <class Rep, class Period, class F>
  bool try_call_for(const std::chrono::duration<Rep, Period>& d, F&& f) {
    return call_limited(std::forward<F>(f), frame(), detail::within(d));
  }
  template <class Clock, class Duration, class F>
  bool try_call_until(const std::chrono::time_point<Clock, Duration>& when, F&& f) {
    return call_limited(std::forward<F>(f), frame(), detail::until(when));
  }

  // False: the time was up, or a stop was requested.
  template <class Rep, class Period, class F>
  bool try_call_for(const std::chrono::duration<Rep, Period>& d, F&& f, const std::stop_token& stop) {
    return call_limited(std::forward<F>(f), frame(), detail::within(d), stop);
  }
  template <class Clock, class Duration, class F>
  bool try_call_until(const std::chrono::time_point<Clock, Duration>& when, F&& f, const std::stop_token& stop) {
    return call_limited(std::forward<F>(f), frame(), detail::until(when), stop);
  }

  // Is it done?
  bool done() const noexcept {
    // acquire: what f did; pairs with the release of the end.
    return __atomic_load_n(&once_.word, __ATOMIC_ACQUIRE) == CW_ABI_ONCE_DONE;
  }

 private:
  // Ends an attempt on every way out of f, also for foreign unwinding.
  struct attempt {
    cw_abi_once* once;
    int done = 0;
    ~attempt() { cw_abi_once_end(once, done); }
  };

  // As in mutex.
  [[gnu::always_inline]] static std::uintptr_t frame() noexcept { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

  template <class F, class Limit>
  bool call_limited(F&& f, std::uintptr_t here, Limit limit) {
    return done() || run(std::forward<F>(f), here, limit, nullptr);
  }
  template <class F, class Limit>
  bool call_limited(F&& f, std::uintptr_t here, Limit limit, const std::stop_token& stop) {
    if (done()) return true;
    detail::stop_wait wait(stop);
    return run(std::forward<F>(f), here, limit, wait.get());
  }

  template <class F, class Limit>
  bool run(F&& f, std::uintptr_t here, Limit limit, cw_abi_stop_wait* stop) {
    int mine = 0;
    const cw_status status = limit([&](std::uint64_t timeout_ns) { return cw_abi_once_begin(&once_, here, timeout_ns, &mine, stop); });
    if (status == CW_E_TIMEOUT || status == CW_E_CANCELLED) return false;
    if (status != CW_OK) detail::fail(status, status == CW_E_STATE ? "once: the function calls its own once" : cw_status_text(status));
    if (mine != 0) {
      attempt now{&once_};
      std::invoke(std::forward<F>(f));
      now.done = 1;
    }
    return true;
  }

  cw_abi_once once_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_ONCE_HPP
