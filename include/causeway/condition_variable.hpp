// SPDX-License-Identifier: MIT
//
// condition_variable: waits, with a lock given back meanwhile, until somebody says that something has changed. Green threads and plain
// threads, with any kind of lock: the shape of std::condition_variable_any.
//
//   std::unique_lock lock(mutex);
//   changed.wait(lock, [&] { return !queue.empty(); });
//
// A notification after the lock was given back is never lost, and goes to who waits longest. Wake-ups without one are possible only
// in wait_until(), when the clock is set. It may be destroyed when all waiters have been notified, also if they have not returned; with a
// waiter that was not, the process ends with a report.
//
// When the lock cannot be taken again the process ends (std::terminate), for the caller could not know whether it has it.
#ifndef CAUSEWAY_CONDITION_VARIABLE_HPP
#define CAUSEWAY_CONDITION_VARIABLE_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <stop_token>
#include <utility>

namespace causeway {

class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;
  ~condition_variable() {
    if (condition_.waiters != nullptr) [[unlikely]]
      cw_abi_destroyed_in_use("condition_variable", this);
  }

  // Not for signal handlers. Throws error: CW_E_ASYNC (there).
  void notify_one() { notify(0); }
  void notify_all() { notify(1); }

  // Gives the lock back, waits, and takes it again, whatever happens.
  // Throws error: CW_E_CANCELLED (the waiting green thread was asked to stop), CW_E_ASYNC (in a signal handler); and so do all below.
  template <class Lock>
  void wait(Lock& lock) {
    static_cast<void>(answer(wait_once(lock, CW_FOREVER, nullptr)));
  }

  template <class Lock, class Predicate>
  void wait(Lock& lock, Predicate predicate) {
    while (!predicate()) wait(lock);
  }

  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& d) {
    return answer(wait_once(lock, detail::timeout_ns(d), nullptr)) ? std::cv_status::no_timeout : std::cv_status::timeout;
  }

  template <class Lock, class Clock, class Duration>
  std::cv_status wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& when) {
    if (answer(wait_once(lock, detail::timeout_until(when), nullptr))) return std::cv_status::no_timeout;
    return detail::timeout_until(when) != 0 ? std::cv_status::no_timeout : std::cv_status::timeout;
  }

  // The predicate's last answer.
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& d, Predicate predicate) {
    return wait_while(lock, steady(d), predicate, std::stop_token{});
  }

  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& when, Predicate predicate) {
    return wait_while(lock, left_until(when), predicate, std::stop_token{});
  }

  // With a stop token, as in std::condition_variable_any: the predicate's last answer; false, it was stopped or the time was up. Without a
  // predicate false means the stop alone.
  template <class Lock>
  bool wait(Lock& lock, std::stop_token stop) {
    if (stop.stop_requested()) return false;
    detail::stop_wait wait(stop);
    return answer(wait_once(lock, CW_FOREVER, wait.get()), stop);
  }

  template <class Lock, class Predicate>
  bool wait(Lock& lock, std::stop_token stop, Predicate predicate) {
    return wait_while(lock, [] { return CW_FOREVER; }, predicate, stop);
  }

  // False: it was stopped, or the time was up.
  template <class Lock, class Rep, class Period>
  bool wait_for(Lock& lock, std::stop_token stop, const std::chrono::duration<Rep, Period>& d) {
    if (stop.stop_requested()) return false;
    detail::stop_wait wait(stop);
    return answer(wait_once(lock, detail::timeout_ns(d), wait.get()), stop);
  }

  template <class Lock, class Clock, class Duration>
  bool wait_until(Lock& lock, std::stop_token stop, const std::chrono::time_point<Clock, Duration>& when) {
    if (stop.stop_requested()) return false;
    detail::stop_wait wait(stop);
    if (answer(wait_once(lock, detail::timeout_until(when), wait.get()), stop)) return true;
    return !stop.stop_requested() && detail::timeout_until(when) != 0;  // the clock was set: as if notified
  }

  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock& lock, std::stop_token stop, const std::chrono::duration<Rep, Period>& d, Predicate predicate) {
    return wait_while(lock, steady(d), predicate, stop);
  }

  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock& lock, std::stop_token stop, const std::chrono::time_point<Clock, Duration>& when, Predicate predicate) {
    return wait_while(lock, left_until(when), predicate, stop);
  }

 private:
  // What is left of a duration that begins now, or until a point in time.
  template <class Rep, class Period>
  static auto steady(const std::chrono::duration<Rep, Period>& d) {
    return [ns = detail::timeout_ns(d), begin = std::chrono::steady_clock::now()]() -> std::uint64_t {
      if (ns == CW_FOREVER) return CW_FOREVER;
      const std::uint64_t passed = detail::timeout_ns(std::chrono::steady_clock::now() - begin);
      return passed < ns ? ns - passed : 0;
    };
  }
  template <class Clock, class Duration>
  static auto left_until(const std::chrono::time_point<Clock, Duration>& when) {
    return [when] { return detail::timeout_until(when); };
  }

  template <class Lock, class Left, class Predicate>
  bool wait_while(Lock& lock, Left left, Predicate& predicate, const std::stop_token& stop) {
    if (predicate()) return true;
    detail::stop_wait wait(stop);
    for (;;) {
      const std::uint64_t timeout_ns = left();
      if (timeout_ns == 0 || stop.stop_requested()) return false;
      static_cast<void>(answer(wait_once(lock, timeout_ns, stop.stop_possible() ? wait.get() : nullptr), stop));
      if (predicate()) return true;
    }
  }

  // Takes the lock again on every way out.
  template <class Lock>
  struct relock {
    Lock& lock;
    ~relock() { lock.lock(); }  // noexcept, as destructors are
  };

  template <class Lock>
  cw_status wait_once(Lock& lock, std::uint64_t timeout_ns, cw_abi_stop_wait* stop) {
    cw_abi_condition_wait wait{};
    if (const cw_status status = cw_abi_condition_enter(&condition_, &wait); status != CW_OK) return status;
    struct leaving {
      cw_abi_condition* condition;
      cw_abi_condition_wait* wait;
      // The unlock threw: nobody waits. A notification that came at this very moment is gone with it.
      ~leaving() {
        if (wait != nullptr) cw_abi_condition_wait_for(condition, wait, 0, nullptr);
      }
    } guard{&condition_, &wait};
    lock.unlock();
    guard.wait = nullptr;
    const relock<Lock> again{lock};
    return cw_abi_condition_wait_for(&condition_, &wait, timeout_ns, stop);
  }

  // True: notified. False: the time was up, or the token's stop.
  static bool answer(cw_status status, const std::stop_token& stop = {}) {
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_TIMEOUT || detail::stopped(status, stop)) return false;
    detail::fail(status,
                 status == CW_E_CANCELLED ? "condition_variable: the waiting green thread was asked to stop" : cw_status_text(status));
  }

  void notify(int all) {
    // relaxed: a waiter of whom the caller can know was queued before it gave back the lock.
    if (__atomic_load_n(&condition_.word, __ATOMIC_RELAXED) == 0) return;
    if (const cw_status status = cw_abi_condition_notify(&condition_, all); status != CW_OK) detail::fail(status, cw_status_text(status));
  }

  cw_abi_condition condition_{};
};

}  // namespace causeway

#endif  // CAUSEWAY_CONDITION_VARIABLE_HPP
