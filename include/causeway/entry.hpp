// SPDX-License-Identifier: MIT
//
// entry<&fn>: a constant C function pointer that runs fn as managed code, whichever thread calls it and on whichever stack.
//
//   int on_message(void* user, const char* text);             // may park, spawn, call out
//   c_library_set_handler(causeway::entry<&on_message>, user);
//
//   entry<&fn, on_exception::return_value(-1)>                // C gets -1 when fn throws; the exception goes to the error handler
//   entry_as<int(int), &overloaded>                           // picks one of an overload set
//   entry_as<long(long), [](long v) -> long { return fn(static_cast<int>(v)); }>   // converts; at namespace scope
//
// An entry that cannot run its function (the runtime is stopping, calls nest too deeply, no memory) gives C the value of return_value(), else
// zero, and says so in the log; if the result is of class type and there is no such value, it stops the process with a report.
#ifndef CAUSEWAY_ENTRY_HPP
#define CAUSEWAY_ENTRY_HPP

#include <causeway/abi.h>

#include <cxxabi.h>

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace causeway {

// What happens when an exception leaves the function: no C++ exception crosses a C frame.
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

}  // namespace on_exception

namespace detail {

template <class T>
inline constexpr bool is_return_value = false;
template <class T>
inline constexpr bool is_return_value<on_exception::return_value_t<T>> = true;

template <class F>
struct entry_signature;
template <class R, class... A>
struct entry_signature<R (*)(A...)> {
  using type = R(A...);
};
template <class R, class... A>
struct entry_signature<R (*)(A...) noexcept> {
  using type = R(A...);
};

template <auto Fn, auto Policy, class Signature>
struct entry_thunk;

template <auto Fn, auto Policy, class R, class... A>
struct entry_thunk<Fn, Policy, R(A...)> {
  static constexpr bool has_fallback = is_return_value<std::remove_cv_t<decltype(Policy)>>;
  static_assert(!std::is_reference_v<R>, "an entry gives C a value; return a pointer");

  struct nothing {};
  // How an argument travels to the other stack: a small plain one by value, which saves a load that waits for a store.
  template <class T>
  using carried = std::conditional_t<std::is_trivially_copyable_v<T> && sizeof(T) <= 16, T, T&>;
  using stored = std::conditional_t<std::is_void_v<R>, nothing, R>;
  struct frame {
    explicit frame(A&... a) noexcept : args(a...) {}
    ~frame() {}
    std::tuple<carried<A>...> args;
    union {
      stored result;
    };
  };

  static const void* function() noexcept { return reinterpret_cast<const void*>(Fn); }

  static stored fallback() {
    if constexpr (std::is_void_v<R>) return {};
    else if constexpr (has_fallback) return static_cast<R>(Policy.value);
    else return R{};
  }

  // On the green thread.
  static void invoke(frame& f) {
    auto go = [&]() -> R { return std::apply([](A&... a) -> R { return Fn(std::forward<A>(a)...); }, f.args); };
    if constexpr (std::is_void_v<R>) go();
    else ::new (static_cast<void*>(std::addressof(f.result))) R(go());
  }
  static void threw(frame& f, const char* what) {
    if constexpr (has_fallback) {
      cw_abi_uncaught(what);
      ::new (static_cast<void*>(std::addressof(f.result))) stored(fallback());
    } else {
      cw_abi_entry_fatal(CW_E_PANIC, function(), what);
    }
  }
  static void body(void* at) {
    frame& f = *static_cast<frame*>(at);
    try {
      invoke(f);
    } catch (const abi::__forced_unwind&) { throw; } catch (const std::exception& e) {
      threw(f, e.what());
    } catch (...) { threw(f, "an exception that is no std::exception"); }
  }

  // On the C stack.
  static R call(A... args) {
    frame f(args...);
    const cw_status status = cw_abi_enter(&body, &f);
    if (status != CW_OK) [[unlikely]] {
      if constexpr (std::is_class_v<R> && !has_fallback) {
        cw_abi_entry_fatal(status, function(), nullptr);
      } else {
        cw_abi_entry_failed(status, function());
        if constexpr (std::is_void_v<R>) return;
        else return fallback();
      }
    }
    if constexpr (!std::is_void_v<R>) {
      struct End {
        R* value;
        ~End() { std::destroy_at(value); }
      } end{std::addressof(f.result)};
      return std::move(f.result);
    }
  }
};

}  // namespace detail

template <auto Fn, auto Policy = on_exception::terminate>
inline constexpr auto entry = &detail::entry_thunk<Fn, Policy, typename detail::entry_signature<decltype(Fn)>::type>::call;

template <class Signature, Signature* Fn, auto Policy = on_exception::terminate>
inline constexpr auto entry_as = &detail::entry_thunk<Fn, Policy, Signature>::call;

}  // namespace causeway

#endif  // CAUSEWAY_ENTRY_HPP
