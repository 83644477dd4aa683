// SPDX-License-Identifier: MIT
//
// How the functions that wait take a std::stop_token. It is the last parameter everywhere (condition_variable alone has it where
// std::condition_variable_any has), and ends that wait only: nobody's stop_requested() changes by it, and what is there at once is taken
// even if a stop was requested before.
//
//   lock(stop), wait(stop), acquire(stop), call(f, stop), sleep_for(d, stop)          bool; false: the stop was requested
//   try_lock_for(d, stop), wait_for(d, stop), try_acquire_until(t, stop), ...         bool; false: time or stop; the token tells which
//   send(item, stop), send_for(item, d, stop)                                         cw_status with CW_E_CANCELLED
//   receive(stop), receive_for(d, stop), join(stop), try_join_for(d, stop), ...       result with CW_E_CANCELLED
//
// A stop request to the waiting green thread itself ends the waits that it ends without a token too, in the same way: by a throw, or
// CW_E_CANCELLED. So a function that answers false was stopped through the token that it was given.
//
// A stop callback of the program's own must not wait (it runs in request_stop(), and std::stop_callback takes a green thread that
// comes back from a wait on another OS thread for somebody else).
#ifndef CAUSEWAY_STOP_WAIT_HPP
#define CAUSEWAY_STOP_WAIT_HPP

#include <causeway/abi.h>

#include <stop_token>

namespace causeway::detail {

// In the frame of one call that waits.
class stop_wait {
 public:
  // Not inlined, as the destructor: std::stop_callback asks which thread calls, which the C library declares constant, so in one function
  // with two waits a compiler could keep the answer of the first, though the green thread is on another OS thread by the second.
  [[gnu::noinline]] explicit stop_wait(const std::stop_token& token) : callback_(token, request{&wait_}) {}
  [[gnu::noinline]] ~stop_wait() {}  // NOLINT(modernize-use-equals-default): see above
  stop_wait(const stop_wait&) = delete;
  stop_wait& operator=(const stop_wait&) = delete;

  cw_abi_stop_wait* get() noexcept { return &wait_; }

 private:
  struct request {
    cw_abi_stop_wait* wait;
    void operator()() const noexcept { cw_abi_stop_wait_request(wait); }
  };

  cw_abi_stop_wait wait_{};  // before the callback, which may run as soon as it is made
  std::stop_callback<request> callback_;
};

// The end was the token's, not the green thread's own stop request.
inline bool stopped(cw_status status, const std::stop_token& token) noexcept { return status == CW_E_CANCELLED && token.stop_requested(); }

}  // namespace causeway::detail

#endif  // CAUSEWAY_STOP_WAIT_HPP
