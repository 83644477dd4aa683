// SPDX-License-Identifier: MIT
//
// on_exception: what happens when an exception leaves managed code that C called. No C++ exception crosses a C frame.
//
//   entry<&fn>                                       // a report, and the end of the process
//   entry<&fn, on_exception::return_value(-1)>       // C gets -1, the error handler the exception
//   entry<&fn, on_exception::tunnel(-1)>             // C gets -1, cleans up and returns; the call out that led to that C code throws the exception
//
//   try {
//     call([&] { return sqlite3_exec(db, sql, entry<&on_row, on_exception::tunnel(1)>, nullptr, nullptr); });
//   } catch (const bad_row& e) {}                    // thrown by on_row(), over the frames of C, which have returned
//
// The call out that tunnel() means is the innermost one below which C called: call(), call_blocking(), call_errno(), function<>, and in C cw_call(), which
// answers CW_E_PANIC. Where there is none (a thread of the host called, or managed code called the entry itself, or C code on another stack than the
// call out's), the error handler gets the exception. So it does if an earlier callback of the same call out has left one already: the first one wins.
// An exception that the call out's own C++ code throws later goes to the error handler too.
//
// What is thrown to unwind a coroutine that its library destroys (a class named forced_unwind, as Boost's), what ends a thread (pthread_exit,
// cancellation), and what other languages throw are none of ours, and pass.
#ifndef CAUSEWAY_ON_EXCEPTION_HPP
#define CAUSEWAY_ON_EXCEPTION_HPP

#include <causeway/abi.h>

#include <cxxabi.h>

#include <exception>
#include <type_traits>
#include <utility>

namespace causeway {

namespace on_exception {

// A report, and the end of the process. The default.
struct terminate_t {};
inline constexpr terminate_t terminate{};

// C gets the value, the error handler the exception.
template <class T>
struct return_value_t {
  T value;
};
template <class T>
constexpr return_value_t<T> return_value(T value) {
  return {value};
}

// C gets the value, the call out that led here the exception. tunnel(): for functions without a result.
template <class T>
struct tunnel_t {
  T value;
};
template <>
struct tunnel_t<void> {};
template <class T>
constexpr tunnel_t<T> tunnel(T value) {
  return {value};
}
constexpr tunnel_t<void> tunnel() { return {}; }

}  // namespace on_exception

namespace detail {

template <class T>
inline constexpr bool is_return_value = false;
template <class T>
inline constexpr bool is_return_value<on_exception::return_value_t<T>> = true;
template <class T>
inline constexpr bool is_tunnel = false;
template <class T>
inline constexpr bool is_tunnel<on_exception::tunnel_t<T>> = true;

// The policy has a value for C.
template <class Policy>
inline constexpr bool has_fallback = is_return_value<Policy> || is_tunnel<Policy>;
template <>
inline constexpr bool has_fallback<on_exception::tunnel_t<void>> = false;

// What C gets instead of a result.
template <class R, class Policy>
R fallback_of(const Policy& policy) {
  if constexpr (std::is_void_v<R>) return;
  else if constexpr (has_fallback<Policy>) return static_cast<R>(policy.value);
  else return R{};
}

// In a handler: body() threw. `what` is the exception's text, `function` for the report.
template <class R, class Policy>
[[gnu::noinline, gnu::cold]] R threw(const Policy& policy, const void* function, const char* what) {
  if constexpr (is_tunnel<Policy>) {
    std::exception_ptr exception = std::current_exception();
    if (cw_abi_tunnel(&exception) == 0) cw_abi_uncaught(what);
    return fallback_of<R>(policy);
  } else if constexpr (is_return_value<Policy>) {
    cw_abi_uncaught(what);
    return fallback_of<R>(policy);
  } else {
    cw_abi_entry_fatal(CW_E_PANIC, function, what);
  }
}

// The edge of each call in that has a policy: gives what body() gives, or what C gets instead.
template <class R, class Policy, class Body>
R at_edge(const Policy& policy, const void* function, Body&& body) {
  static_assert(!is_tunnel<Policy> || std::is_void_v<R> || has_fallback<Policy>, "tunnel() needs a value for C: tunnel(v)");
  try {
    return std::forward<Body>(body)();
  } catch (const abi::__forced_unwind&) { throw; } catch (const std::exception& e) {
    return threw<R>(policy, function, e.what());
  } catch (...) {
    if (cw_abi_passes() != 0) throw;
    return threw<R>(policy, function, "an exception that is no std::exception");
  }
}

// The error handler gets what was thrown.
inline void tell_error_handler(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) { cw_abi_uncaught(e.what()); } catch (...) {
    cw_abi_uncaught("an exception that is no std::exception");
  }
}

// After cw_abi_call() or its like answered CW_E_PANIC: throws what a callback left. `own`: what the call's own code threw meanwhile, or null; emptied.
//
// All that has to be destroyed on the way out is in this frame: each further frame with a cleanup costs a good part of a throw.
[[noreturn, gnu::noinline, gnu::cold]] inline void throw_tunnelled(std::exception_ptr* own = nullptr) {
  std::exception_ptr exception;
  if (own != nullptr && *own) {
    tell_error_handler(*own);
    *own = nullptr;
  }
  cw_abi_tunnelled(&exception);
  std::rethrow_exception(std::move(exception));
}

}  // namespace detail

}  // namespace causeway

#endif  // CAUSEWAY_ON_EXCEPTION_HPP
