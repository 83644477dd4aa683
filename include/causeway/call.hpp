// SPDX-License-Identifier: MIT
//
// Calls out: C functions, called by green threads on a C stack of full size while other green threads go on.
//
//   auto n = causeway::call(read, fd, buffer, size);                     // any C code: quick
//   auto [bytes, error] = causeway::call_errno(read, fd, buffer, size);  // with its errno, which may be gone afterwards
//   causeway::call_blocking([&] { return flock(fd, LOCK_EX); });         // waits; and macros, NULL, overloads, variadics: a lambda
//   causeway::call_leaf(crc32, 0, data, size);                           // short, never waits, never calls back
//
// Elsewhere than on a green thread each is a plain call. What the function throws comes out; C++ only, through C frames nothing may. What a callback
// below threw comes out too if its policy is on_exception::tunnel: then C has returned.
#ifndef CAUSEWAY_CALL_HPP
#define CAUSEWAY_CALL_HPP

#include <causeway/abi.h>
#include <causeway/error.hpp>
#include <causeway/on_exception.hpp>

#include <cxxabi.h>

#include <cerrno>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace causeway {

// What call_errno() gives: the result, and errno as the function left it (it is set to 0 before).
template <class R>
struct errno_result {
  R result;
  int error;
};
template <>
struct errno_result<void> {
  int error;
};

namespace detail {

// How a callable and its arguments travel to the other stack: by reference.
template <class F, class Args>
struct carriage;
template <class F, class... A>
struct carriage<F, std::tuple<A...>> {
  using held = std::remove_reference_t<F>*;
  using carried = std::tuple<A&&...>;
  static held hold(std::remove_reference_t<F>& f) noexcept { return std::addressof(f); }
  static std::invoke_result_t<F, A...> invoke(held f, A&&... args) { return std::invoke(std::forward<F>(*f), std::forward<A>(args)...); }
};

template <class T>
concept plain_value = std::is_trivially_copyable_v<T> && sizeof(T) <= 16;

// A C function, by its pointer's type: are its parameters plain, and a tuple of them.
template <class F>
struct c_function {
  static constexpr bool plain = false;
};
template <class R, class... P>
struct c_function<R (*)(P...)> {
  static constexpr bool plain = (plain_value<P> && ...);
  using parameters = std::tuple<P...>;
};
template <class R, class... P>
struct c_function<R (*)(P...) noexcept> : c_function<R (*)(P...)> {};

// A C function with plain parameters: they travel by value, as it takes them, which saves loads that wait for stores.
template <class F, class... A>
  requires(c_function<std::decay_t<F>>::plain)
struct carriage<F, std::tuple<A...>> {
  using held = std::decay_t<F>;
  using carried = typename c_function<held>::parameters;
  static held hold(held f) noexcept { return f; }
  template <class... P>
  static std::invoke_result_t<F, A...> invoke(held f, P&&... args) {
    return f(std::forward<P>(args)...);
  }
};

// A call on its way to another stack and back: in the caller's frame. `Errno` keeps errno too.
template <class F, class... A>
class packed_call {
  using how = carriage<F, std::tuple<A...>>;

 public:
  using R = std::invoke_result_t<F, A...>;
  static constexpr bool nothrow = std::is_nothrow_invocable_v<F, A...>;

  explicit packed_call(F&& f, A&&... args) : f_(how::hold(f)), args_(std::forward<A>(args)...) {}
  packed_call(const packed_call&) = delete;
  packed_call& operator=(const packed_call&) = delete;

  static void run(void* self) { static_cast<packed_call*>(self)->invoke(); }
  static void run_errno(void* self) {
    errno = 0;
    run(self);
    static_cast<packed_call*>(self)->error_ = errno;
  }

  // After the run: rethrows what came, or gives the result.
  R take() {
    if constexpr (!nothrow)
      if (thrown_.ptr) [[unlikely]]
        std::rethrow_exception(std::move(thrown_.ptr));
    if constexpr (std::is_reference_v<R>) {
      return static_cast<R>(*result_.value);
    } else if constexpr (!std::is_void_v<R>) {
      struct End {  // on every way out
        R* value;
        ~End() { std::destroy_at(value); }
      } end{std::addressof(result_.value)};
      return std::move(result_.value);
    }
  }
  int error() const noexcept { return error_; }

  // The call's status is not CW_OK: throws.
  [[noreturn, gnu::noinline, gnu::cold]] void refuse(cw_status status) {
    if (status != CW_E_PANIC) fail(status, cw_last_error());
    if constexpr (nothrow) {
      drop_result();
      throw_tunnelled();
    } else {
      if (!thrown_.ptr) drop_result();
      throw_tunnelled(&thrown_.ptr);
    }
  }

 private:
  struct nothing {};
  // What f threw. Set by keep(), and taken on each way on from there, so that it is empty at the end: without a destructor, an exception that goes on from
  // here finds nothing to stop at.
  union Thrown {
    Thrown() noexcept : ptr() {}
    ~Thrown() {}
    std::exception_ptr ptr;
  };
  using Stored = std::conditional_t<std::is_void_v<R>, nothing,
                                    std::conditional_t<std::is_reference_v<R>, std::add_pointer_t<R>, std::remove_cv_t<R>>>;
  union Result {
    Result() noexcept {}
    ~Result() {}
    Stored value;
  };

  void drop_result() noexcept {
    if constexpr (!std::is_void_v<R> && !std::is_reference_v<R>) std::destroy_at(std::addressof(result_.value));
  }

  void invoke() {
    if constexpr (nothrow) {
      invoke_inner();
    } else {
      try {
        invoke_inner();
      } catch (const abi::__forced_unwind&) { throw; } catch (...) {
        if (cw_abi_passes() != 0) throw;
        keep();
      }
    }
  }
  [[gnu::noinline, gnu::cold]] void keep() noexcept { thrown_.ptr = std::current_exception(); }
  void invoke_inner() noexcept(nothrow) {
    auto go = [&]() -> R {
      return std::apply([&](auto&&... args) -> R { return how::invoke(f_, std::forward<decltype(args)>(args)...); }, std::move(args_));
    };
    if constexpr (std::is_void_v<R>) go();
    else if constexpr (std::is_reference_v<R>) result_.value = std::addressof(go());
    else ::new (static_cast<void*>(std::addressof(result_.value))) Stored(go());
  }

  typename how::held f_;
  typename how::carried args_;
  [[no_unique_address]] std::conditional_t<nothrow, nothing, Thrown> thrown_{};
  Result result_;
  int error_;  // of run_errno() alone
};

// What reports name: the function, or what runs the closure.
template <class F, class... A>
const void* site_of(const std::remove_reference_t<F>& f) noexcept {
  if constexpr (std::is_function_v<std::remove_pointer_t<std::remove_cvref_t<F>>>)
    return reinterpret_cast<const void*>(static_cast<std::decay_t<F>>(f));
  else return reinterpret_cast<const void*>(&packed_call<F, A...>::run);
}

template <class F, class... A>
std::invoke_result_t<F, A...> call_out(int kind, F&& f, A&&... args) {
  using packed = packed_call<F, A...>;
  const void* site = site_of<F, A...>(f);
  packed call(std::forward<F>(f), std::forward<A>(args)...);
  if (const cw_status status = cw_abi_call(kind, &packed::run, &call, site); status != CW_OK) [[unlikely]]
    call.refuse(status);
  return call.take();
}

}  // namespace detail

// Any C code; the processor is taken for others only if it lasts.
template <class F, class... A>
  requires std::is_invocable_v<F, A...>
std::invoke_result_t<F, A...> call(F&& f, A&&... args) {
  return detail::call_out(CW_QUICK, std::forward<F>(f), std::forward<A>(args)...);
}

// C code that waits: others get the processor at once.
template <class F, class... A>
  requires std::is_invocable_v<F, A...>
std::invoke_result_t<F, A...> call_blocking(F&& f, A&&... args) {
  return detail::call_out(CW_BLOCKING, std::forward<F>(f), std::forward<A>(args)...);
}

// C code that is short, never waits and never calls back; if it calls back, the process stops with its name.
template <class F, class... A>
  requires std::is_invocable_v<F, A...>
std::invoke_result_t<F, A...> call_leaf(F&& f, A&&... args) {
  struct Leaf {  // on every way out
    const void** word;
    ~Leaf() { *word = nullptr; }
  };
  if (const void** word = cw_abi_leaf_begin(detail::site_of<F, A...>(f))) [[likely]] {
    const Leaf leaf{word};
    return std::invoke(std::forward<F>(f), std::forward<A>(args)...);
  }
  return detail::call_out(CW_LEAF, std::forward<F>(f), std::forward<A>(args)...);
}

// call(), and the errno of the function, read before anything else can change it.
template <class F, class... A>
  requires std::is_invocable_v<F, A...>
errno_result<std::invoke_result_t<F, A...>> call_errno(F&& f, A&&... args) {
  using packed = detail::packed_call<F, A...>;
  const void* site = detail::site_of<F, A...>(f);
  packed call(std::forward<F>(f), std::forward<A>(args)...);
  if (const cw_status status = cw_abi_call(CW_QUICK, &packed::run_errno, &call, site); status != CW_OK) [[unlikely]]
    call.refuse(status);
  if constexpr (std::is_void_v<typename packed::R>) {
    call.take();
    return {call.error()};
  } else {
    return {call.take(), call.error()};
  }
}

}  // namespace causeway

#endif  // CAUSEWAY_CALL_HPP
