// SPDX-License-Identifier: MIT
//
// causeway::this_green: the calling green thread. Each function also works on a plain OS thread, for that thread.
#ifndef CAUSEWAY_THIS_GREEN_HPP
#define CAUSEWAY_THIS_GREEN_HPP

#include <causeway/error.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <new>
#include <stop_token>

namespace causeway {
namespace detail {

// The stop state of a green thread: a std::stop_source behind a pointer, made when somebody first asks for the token.
inline void* make_stop_state() noexcept {
  try {
    return new std::stop_source;
  } catch (const std::bad_alloc&) { return nullptr; }
}
inline void request_stop_state(void* state) { static_cast<std::stop_source*>(state)->request_stop(); }
inline void destroy_stop_state(void* state) { delete static_cast<std::stop_source*>(state); }
inline constexpr cw_abi_stop_ops stop_ops{request_stop_state, destroy_stop_state};

inline std::stop_token stop_token_of(cw_abi_green* green) {
  void* state = cw_abi_stop_state(green, make_stop_state, &stop_ops);
  if (state == nullptr) throw std::bad_alloc();
  return static_cast<std::stop_source*>(state)->get_token();
}

inline bool slept(cw_status status, const std::stop_token& stop) {
  if (status == CW_OK) [[likely]]
    return true;
  if (stopped(status, stop)) return false;
  fail(status, status == CW_E_CANCELLED ? "sleep: the green thread was asked to stop" : cw_status_text(status));
}

}  // namespace detail

namespace this_green {

// Lets other green threads run first.
inline void yield() noexcept { cw_green_yield(); }

// The number of the calling green thread, never used twice; 0 on a plain thread.
inline std::uint64_t id() noexcept { return cw_green_id(); }

// Asked to stop? The token of the calling green thread; on a plain thread one that can never be.
// Throws std::bad_alloc at the first use, when there is no memory for the state.
inline std::stop_token stop_token() {
  cw_abi_green* green = cw_abi_current();
  return green != nullptr ? detail::stop_token_of(green) : std::stop_token{};
}

// Sleeps at least that long. Throws error with CW_E_CANCELLED when the green thread was asked to stop.
template <class Rep, class Period>
void sleep_for(const std::chrono::duration<Rep, Period>& d) {
  detail::check(cw_green_sleep(detail::timeout_ns(d)));
}

// Sleeps until the clock shows `when`, also if it is set meanwhile. Throws as sleep_for().
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration>& when) {
  while (Clock::now() < when) detail::check(cw_green_sleep(detail::timeout_until(when)));
}

// The same until a stop is requested; false then.
template <class Rep, class Period>
bool sleep_for(const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
  detail::stop_wait wait(stop);
  return detail::slept(cw_abi_sleep(detail::timeout_ns(d), wait.get()), stop);
}

template <class Clock, class Duration>
bool sleep_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
  detail::stop_wait wait(stop);
  while (Clock::now() < when)
    if (!detail::slept(cw_abi_sleep(detail::timeout_until(when), wait.get()), stop)) return false;
  return true;
}

}  // namespace this_green
}  // namespace causeway

#endif  // CAUSEWAY_THIS_GREEN_HPP
