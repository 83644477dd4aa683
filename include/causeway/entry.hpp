// SPDX-License-Identifier: MIT
//
// entry<&fn>: a constant C function pointer that runs fn as managed code, whichever thread calls it and on whichever stack.
//
//   int on_message(void* user, const char* text);             // may park, spawn, call out
//   c_library_set_handler(causeway::entry<&on_message>, user);
//
//   entry<&fn, on_exception::return_value(-1)>                // C gets -1 when fn throws; the exception goes to the error handler
//   entry<&fn, on_exception::tunnel(-1)>                      // C gets -1 when fn throws; the call out that led to C throws on (on_exception.hpp)
//   entry_as<int(int), &overloaded>                           // picks one of an overload set
//   entry_as<long(long), [](long v) -> long { return fn(static_cast<int>(v)); }>   // converts; at namespace scope
//
// An entry that cannot run its function (the runtime is stopping, calls nest too deeply, no memory) gives C the value of return_value() or
// tunnel(), else zero, and says so in the log; if the result is of class type and there is no such value, it stops the process with a report.
#ifndef CAUSEWAY_ENTRY_HPP
#define CAUSEWAY_ENTRY_HPP

#include <causeway/abi.h>
#include <causeway/on_exception.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace causeway {

namespace detail {

template <class T>
consteval bool fits_a_word() {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) return sizeof(T) <= sizeof(std::uint64_t);
  else return std::is_pointer_v<T>;
}
template <class T>
inline constexpr bool is_word = fits_a_word<T>();
template <class T>
std::uint64_t to_word(T value) noexcept {
  if constexpr (std::is_pointer_v<T>) return reinterpret_cast<std::uint64_t>(value);
  else return static_cast<std::uint64_t>(value);
}
template <class T>
T from_word(std::uint64_t word) noexcept {
  if constexpr (std::is_pointer_v<T>) return reinterpret_cast<T>(word);
  else if constexpr (std::is_enum_v<T>) return static_cast<T>(static_cast<std::underlying_type_t<T>>(word));
  else return static_cast<T>(word);
}

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
  using policy = std::remove_cv_t<decltype(Policy)>;
  static_assert(!std::is_reference_v<R>, "an entry gives C a value; return a pointer");

  // Few arguments that fit in a word each, and such a result, travel in registers; others by a frame on the C stack.
  static constexpr bool in_registers = sizeof...(A) <= 3 && (is_word<A> && ...) && (std::is_void_v<R> || is_word<R>);

  static const void* function() noexcept { return reinterpret_cast<const void*>(Fn); }

  static R fallback() { return fallback_of<R>(Policy); }

  // On the green thread: fn's result, or what C gets instead.
  template <class... Given>
  static R run(Given&&... given) {
    return at_edge<R>(Policy, function(), [&]() -> R { return Fn(std::forward<Given>(given)...); });
  }

  // On the C stack.
  static R call(A... args) {
    if constexpr (in_registers) return call_in_registers(args...);
    else return call_by_frame(args...);
  }

  // It did not run.
  static R failed(cw_status status) {
    if constexpr (std::is_class_v<R> && !has_fallback<policy>) {
      cw_abi_entry_fatal(status, function(), nullptr);
    } else {
      cw_abi_entry_failed(status, function());
      return fallback();
    }
  }

  template <std::size_t... I>
  static std::uint64_t run_words(std::index_sequence<I...>, const std::uint64_t (&words)[3]) {
    if constexpr (std::is_void_v<R>) return run(from_word<A>(words[I])...), 0;
    else return to_word(run(from_word<A>(words[I])...));
  }
  static std::uint64_t target_of_words(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    return run_words(std::index_sequence_for<A...>{}, {a, b, c});
  }
  static std::uint64_t failed_words(cw_status status, std::uint64_t) {
    if constexpr (std::is_void_v<R>) return failed(status), 0;
    else return to_word(failed(status));
  }
  static constexpr cw_abi_entry by_words{&target_of_words, &failed_words};
  // Nothing is left to do when cw_abi_enter() returns, so that a compiler makes this a jump: a call less, one of five. Hence the type under which it
  // is called: C finds an R where calls leave a word.
#if defined(__clang__)
  [[clang::no_sanitize("function", "cfi-icall")]]
#endif
  static R call_in_registers(A... args) {
    const std::uint64_t words[3] = {to_word(args)...};
    using enter = R(std::uint64_t, std::uint64_t, std::uint64_t, const cw_abi_entry*);
    return reinterpret_cast<enter*>(reinterpret_cast<void*>(&cw_abi_enter))(words[0], words[1], words[2], &by_words);
  }

  struct nothing {};
  // How an argument travels in a frame: a small plain one by value, which saves a load that waits for a store.
  template <class T>
  using carried = std::conditional_t<std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T> && sizeof(T) <= 16, T, T&>;
  using stored = std::conditional_t<std::is_void_v<R>, nothing, R>;
  struct frame {
    explicit frame(A&... a) noexcept : args(a...) {}
    ~frame() {}
    std::tuple<carried<A>...> args;
    cw_status status = CW_OK;
    union {
      stored result;
    };
  };
  static std::uint64_t target_of_frame(std::uint64_t at, std::uint64_t, std::uint64_t) {
    frame& f = *reinterpret_cast<frame*>(at);
    std::apply(
        [&](A&... a) {
          if constexpr (std::is_void_v<R>) run(std::forward<A>(a)...);
          else ::new (static_cast<void*>(std::addressof(f.result))) R(run(std::forward<A>(a)...));
        },
        f.args);
    return 0;
  }
  static std::uint64_t failed_frame(cw_status status, std::uint64_t at) {
    reinterpret_cast<frame*>(at)->status = status;
    return 0;
  }
  static constexpr cw_abi_entry by_frame{&target_of_frame, &failed_frame};
  static R call_by_frame(A&... args) {
    frame f(args...);
    cw_abi_enter(reinterpret_cast<std::uint64_t>(&f), 0, 0, &by_frame);
    if (f.status != CW_OK) [[unlikely]]
      return failed(f.status);
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
