// SPDX-License-Identifier: MIT
//
// callback<R(A...)>: a C function pointer with state, that can be taken back. user_data_callback<R(A...), Index>: the same for C interfaces that hand a
// pointer of the user's through.
//
//   callback<int(const char*)> cb{[&](const char* line) { return out.send(line) ? 0 : -1; }, on_exception::return_value(-1)};
//   c_library_set_handler(cb.code());
//   ...
//   cb.close_and_wait(1s);      // from here on C gets -1, and nobody is inside
//
//   user_data_callback<int(void*, int, char**, char**), 0> on_row{[&](void*, int n, char** values, char**) { return out.send(values[0]) ? 0 : 1; }};
//   sqlite3_exec(db, sql, on_row.code(), on_row.data(), nullptr);
//
// What C holds stays callable after the end of the object: it gives the value of return_value() or tunnel(), else zero, is counted and logged once; a
// struct without such a value stops the process with a report. A callback that cannot run (the runtime is stopping, calls nest too deeply, no memory) gives
// the same. data() is a number that is checked at each call, not an address: what C has kept too long, or made up, finds nothing, and C gets zero. Once the
// module that made it is unloaded, this holds for results in one register alone: a struct or a long double needs the module, and so does a
// user_data_callback, whose code is the module's. A callback that C calls after the runtime's stop starts one anew, unless it is closed.
//
// The functor may be called by several threads at once. Its destructor runs when the last call has returned: the object's destructor waits for that, but
// inside a call of its own it does not, and the last call ends the functor.
#ifndef CAUSEWAY_CALLBACK_HPP
#define CAUSEWAY_CALLBACK_HPP

#include <causeway/chain.h>
#include <causeway/error.hpp>
#include <causeway/on_exception.hpp>
#include <causeway/owner.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace causeway {

// What is rarely said of a callback. name: in reports; copied, cut to 31 bytes. owner: closes it at the latest.
struct callback_options {
  const char* name = nullptr;
  const owner* owned_by = nullptr;
};

namespace detail {

template <class T>
consteval bool fits_callback_word() {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) return sizeof(T) <= sizeof(std::uint64_t);
  else return std::is_pointer_v<T>;
}
template <class T>
inline constexpr bool is_callback_word = fits_callback_word<T>();

template <class T>
std::uint64_t callback_word(T value) noexcept {
  if constexpr (std::is_pointer_v<T>) return reinterpret_cast<std::uint64_t>(value);
  else return static_cast<std::uint64_t>(value);
}
template <class T>
T of_callback_word(std::uint64_t word) noexcept {
  if constexpr (std::is_pointer_v<T>) return reinterpret_cast<T>(word);
  else return static_cast<T>(word);
}

template <class R>
consteval std::uint32_t result_kind() {
  if constexpr (std::is_void_v<R> || is_callback_word<R>) return CW_ABI_RESULT_WORD;
  else if constexpr (std::is_same_v<R, float>) return CW_ABI_RESULT_FLOAT;
  else if constexpr (std::is_same_v<R, double>) return CW_ABI_RESULT_DOUBLE;
  else if constexpr (std::is_class_v<R> || std::is_union_v<R>) return CW_ABI_RESULT_CLASS;
  else return CW_ABI_RESULT_OTHER;
}

template <class Signature>
inline constexpr char callback_signature = 0;

// Throws error: CW_E_CLOSED.
inline cw_owner owner_of(const callback_options& options) {
  if (options.owned_by == nullptr) return 0;
  if (options.owned_by->raw() == 0) fail(CW_E_CLOSED, "options.owned_by: the owner is closed, or was moved from");
  return options.owned_by->raw();
}

// What is the same for all callbacks of one functor, signature and policy. kData: found by user data.
template <class F, class Policy, bool kData, class R, class... A>
struct callback_thunk {
  static_assert(!std::is_reference_v<R>, "a callback gives C a value; return a pointer");
  static_assert(std::is_void_v<R> || std::is_trivially_copyable_v<R>, "a callback gives C a value of a type that C has");
  static_assert(((alignof(std::conditional_t<std::is_reference_v<A>, void*, A>) <= 16) && ...),
                "arguments of more than the usual alignment are not supported");

  struct closure {
    [[no_unique_address]] F f;
    [[no_unique_address]] Policy policy;
  };

  static R run(closure& c, std::add_lvalue_reference_t<A>... args) {
    return at_edge<R>(c.policy, reinterpret_cast<const void*>(&callback_thunk::run), [&]() -> R {
      if constexpr (std::is_void_v<R>) static_cast<void>(std::invoke(c.f, std::forward<A>(args)...));
      else return static_cast<R>(std::invoke(c.f, std::forward<A>(args)...));
    });
  }
  static closure& closure_of(std::uint64_t callback) noexcept {
    return *static_cast<closure*>(reinterpret_cast<const cw_abi_callback*>(callback)->closure);
  }

  // Few arguments that fit in a word each, and such a result, travel in registers; others by a frame on the C stack.
  static constexpr bool in_registers = sizeof...(A) <= 2 && (is_callback_word<A> && ...) && (std::is_void_v<R> || is_callback_word<R>);

  template <std::size_t... I>
  static std::uint64_t run_words(std::index_sequence<I...>, closure& c, const std::uint64_t (&words)[2]) {
    std::tuple<A...> args{of_callback_word<A>(words[I])...};
    if constexpr (std::is_void_v<R>) return run(c, std::get<I>(args)...), 0;
    else return callback_word(run(c, std::get<I>(args)...));
  }
  static std::uint64_t target_of_words(std::uint64_t callback, std::uint64_t b, std::uint64_t c) {
    return run_words(std::index_sequence_for<A...>{}, closure_of(callback), {b, c});
  }
  static std::uint64_t failed_words(cw_status status, cw_abi_callback* callback, std::uint64_t) {
    if constexpr (std::is_void_v<R>) {
      cw_abi_callback_failed(status, callback, &type, nullptr);
      return 0;
    } else {
      R result{};
      cw_abi_callback_failed(status, callback, &type, &result);
      return callback_word(result);
    }
  }

  struct nothing {};
  using stored = std::conditional_t<std::is_void_v<R>, nothing, R>;
  struct frame {
    explicit frame(std::add_lvalue_reference_t<A>... a) noexcept : args(a...) {}
    std::tuple<std::add_lvalue_reference_t<A>...> args;
    union {
      stored result;
    };
  };
  static std::uint64_t target_of_frame(std::uint64_t callback, std::uint64_t at, std::uint64_t) {
    frame& f = *reinterpret_cast<frame*>(at);
    std::apply(
        [&](std::add_lvalue_reference_t<A>... a) {
          if constexpr (std::is_void_v<R>) run(closure_of(callback), a...);
          else ::new (static_cast<void*>(std::addressof(f.result))) R(run(closure_of(callback), a...));
        },
        f.args);
    return 0;
  }
  static std::uint64_t failed_frame(cw_status status, cw_abi_callback* callback, std::uint64_t at) {
    cw_abi_callback_failed(status, callback, &type, std::addressof(reinterpret_cast<frame*>(at)->result));
    return 0;
  }

  template <class Enter, class Which>
  static R by_frame(Enter enter, Which which, std::add_lvalue_reference_t<A>... args) {
    frame f(args...);
    enter(which, reinterpret_cast<std::uint64_t>(&f), 0, &type);
    if constexpr (!std::is_void_v<R>) return f.result;
  }

  // Nothing is left to do when the library's function returns, so that a compiler makes this a jump. Hence the type under which it is called: C finds an
  // R where calls leave a word.
#if defined(__clang__)
  [[clang::no_sanitize("function", "cfi-icall")]]
#endif
  static R enter_with_chain(cw_abi_callback* callback, A... args) {
    if constexpr (in_registers) {
      const std::uint64_t words[2] = {callback_word(args)...};
      using enter = R(cw_abi_callback*, std::uint64_t, std::uint64_t, const cw_abi_callback_type*);
      return reinterpret_cast<enter*>(reinterpret_cast<void*>(&cw_abi_enter_callback))(callback, words[0], words[1], &type);
    } else {
      return by_frame(&cw_abi_enter_callback, callback, args...);
    }
  }
  // A narrow argument as the whole of its register or of its place on the stack: compilers that do not optimise take any register, the chain's too, to
  // make it narrow before the first line is reached.
  template <class T>
  using whole = std::conditional_t<(std::is_integral_v<T> || std::is_enum_v<T>) && sizeof(T) <= sizeof(std::uint64_t), std::uint64_t, T>;
  template <class T>
  static T&& of_whole(whole<T>& word, std::conditional_t<std::is_same_v<whole<T>, T>, char, T>&& narrow = {}) noexcept {
    if constexpr (std::is_same_v<whole<T>, T>) {
      return static_cast<T&&>(word);
    } else {
      if constexpr (std::is_same_v<T, bool>) narrow = static_cast<unsigned char>(word) != 0;
      else narrow = static_cast<T>(word);
      return static_cast<T&&>(narrow);
    }
  }
  CW_CHAIN_FUNCTION static R thunk(whole<A>... args) {
    cw_abi_callback* callback;
    CW_CHAIN_READ(callback);
    return enter_with_chain(callback, of_whole<A>(args)...);
  }

  // kData: the code pointer is this function itself.
  template <std::size_t Index>
#if defined(__clang__)
  [[clang::no_sanitize("function", "cfi-icall")]]
#endif
  static R data_code(A... args) {
    const void* data = std::get<Index>(std::tie(args...));
    if constexpr (in_registers) {
      const std::uint64_t words[2] = {callback_word(args)...};
      using enter = R(const void*, std::uint64_t, std::uint64_t, const cw_abi_callback_type*);
      return reinterpret_cast<enter*>(reinterpret_cast<void*>(&cw_abi_enter_user_data))(data, words[0], words[1], &type);
    } else {
      return by_frame(&cw_abi_enter_user_data, data, args...);
    }
  }

  static void destroy(void* closure_at) { delete static_cast<closure*>(closure_at); }

  static constexpr std::uint32_t result_size() {
    if constexpr (std::is_void_v<R>) return 0;
    else return sizeof(R);
  }
  static consteval auto target() {
    if constexpr (in_registers) return &target_of_words;
    else return &target_of_frame;
  }
  static consteval auto failed() {
    if constexpr (in_registers) return &failed_words;
    else return &failed_frame;
  }
  static const cw_abi_callback_type type;

  // Throws error, std::bad_alloc.
  template <class G, class P>
  static cw_abi_callback* make(G&& f, P&& policy, const callback_options& more) {
    auto made = std::unique_ptr<closure>(new closure{std::forward<G>(f), std::forward<P>(policy)});
    cw_callback_options options{};
    options.size = sizeof options;
    options.name = more.name;
    options.owner = owner_of(more);
    const void* fallback = nullptr;
    stored value{};
    if constexpr (!std::is_void_v<R> && has_fallback<Policy>) {
      value = static_cast<R>(made->policy.value);
      fallback = &value;
    }
    options.fallback = fallback;
    cw_abi_callback* callback = nullptr;
    if (const cw_status status = cw_abi_callback_create(&type, made.get(), &options, &callback); status != CW_OK)
      detail::fail(status, cw_last_error());
    made.release();
    return callback;
  }
};

template <class F, class Policy, bool kData, class R, class... A>
inline const cw_abi_callback_type callback_thunk<F, Policy, kData, R, A...>::type = {
    .entry = {target(), nullptr},
    .failed = failed(),
    .thunk = reinterpret_cast<void (*)(void)>(kData ? nullptr : &thunk),
    .destroy = &destroy,
    .signature = &callback_signature<R(A...)>,
    .result_size = result_size(),
    .result_kind = result_kind<R>()};

// What both kinds of callback objects do.
class callback_holder {
 public:
  callback_holder(callback_holder&& other) noexcept : callback_(std::exchange(other.callback_, nullptr)) {}
  callback_holder& operator=(callback_holder&& other) noexcept {
    std::swap(callback_, other.callback_);
    return *this;
  }
  ~callback_holder() {
    if (callback_ != nullptr) cw_abi_callback_release(callback_);
  }

  // From here on C gets the fallback; calls in progress go on. Again is nothing.
  void close() noexcept {
    if (callback_ != nullptr) cw_abi_callback_close(callback_);
  }
  // The same, and waits until no call is in progress.
  // Throws error: CW_E_STATE (from inside itself; nothing was done), CW_E_TIMEOUT, CW_E_CANCELLED (it is closed).
  void close_and_wait() { close_and_wait_ns(CW_FOREVER); }
  template <class Rep, class Period>
  void close_and_wait(const std::chrono::duration<Rep, Period>& d) {
    close_and_wait_ns(timeout_ns(d));
  }

 protected:
  explicit callback_holder(cw_abi_callback* callback) noexcept : callback_(callback) {}
  cw_abi_callback* callback_ = nullptr;  // null: moved from

 private:
  void close_and_wait_ns(std::uint64_t ns) {
    if (callback_ == nullptr) return;
    if (const cw_status status = cw_abi_callback_close_and_wait(callback_, ns, nullptr); status != CW_OK)
      detail::fail(status, cw_last_error());
  }
};

}  // namespace detail

template <class Signature>
class callback;

template <class R, class... A>
class callback<R(A...)> : public detail::callback_holder {
 public:
  using pointer = R (*)(A...);

  // policy: on_exception::terminate, return_value(v), tunnel(v).
  // Throws error: CW_E_NOMEM, CW_E_EXECMEM (no code pointer is left, and the system gives no more), CW_E_LIMIT (2^24 with user data), CW_E_UNSUPPORTED (this
  // CPU has no code pointers with state), CW_E_CLOSED (the owner is closed, or was moved from); std::bad_alloc.
  template <class F, class Policy = on_exception::terminate_t>
    requires std::is_invocable_r_v<R, std::decay_t<F>&, A...>
  explicit callback(F&& f, Policy policy = {}, const callback_options& more = {})
      : callback_holder(
            detail::callback_thunk<std::decay_t<F>, Policy, false, R, A...>::make(std::forward<F>(f), std::move(policy), more)) {}

  // For C. Null only after this object was moved from.
  pointer code() const noexcept { return callback_ != nullptr ? reinterpret_cast<pointer>(cw_abi_callback_code(callback_)) : nullptr; }
};

template <class Signature, std::size_t Index>
class user_data_callback;

// The argument `Index` is the pointer that C hands through; the functor gets it too.
template <class R, class... A, std::size_t Index>
class user_data_callback<R(A...), Index> : public detail::callback_holder {
  static_assert(Index < sizeof...(A), "there is no such argument");
  static_assert(std::is_pointer_v<std::tuple_element_t<Index, std::tuple<A...>>>, "the user's data is a pointer");

 public:
  using pointer = R (*)(A...);

  // As callback.
  template <class F, class Policy = on_exception::terminate_t>
    requires std::is_invocable_r_v<R, std::decay_t<F>&, A...>
  explicit user_data_callback(F&& f, Policy policy = {}, const callback_options& more = {})
      : callback_holder(detail::callback_thunk<std::decay_t<F>, Policy, true, R, A...>::make(std::forward<F>(f), std::move(policy), more)),
        code_(&detail::callback_thunk<std::decay_t<F>, Policy, true, R, A...>::template data_code<Index>) {}

  // Both for C; what C was given of one object belongs together. The pointer is a function of the program's, for good.
  pointer code() const noexcept { return code_; }
  std::tuple_element_t<Index, std::tuple<A...>> data() const noexcept {
    return static_cast<std::tuple_element_t<Index, std::tuple<A...>>>(callback_ != nullptr ? cw_abi_callback_data(callback_) : nullptr);
  }

 private:
  pointer code_;
};

}  // namespace causeway

#endif  // CAUSEWAY_CALLBACK_HPP
