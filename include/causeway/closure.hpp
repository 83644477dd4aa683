// SPDX-License-Identifier: MIT
//
// How a closure travels into a green thread and its result back: the cw_abi_task_ops of each type of closure. Not for users.
//
// The green thread's payload first holds the closure, then the result. What does not fit there, or might throw while it is moved,
// travels in a box on the heap instead. For a task the closure is moved to the green thread's own stack before it runs, because the
// result is constructed in its place; a detached one runs where it is.
#ifndef CAUSEWAY_CLOSURE_HPP
#define CAUSEWAY_CLOSURE_HPP

#include <causeway/error.hpp>
#include <causeway/this_green.hpp>

#include <cxxabi.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <variant>

namespace causeway::detail {

template <class F>
inline constexpr bool takes_token = std::is_invocable_v<F, std::stop_token>;

template <class F>
concept green_function = std::is_invocable_v<F> || takes_token<F>;

template <class F>
decltype(auto) run_closure(F&& f) {
  if constexpr (takes_token<F>) return std::invoke(std::forward<F>(f), this_green::stop_token());
  else return std::invoke(std::forward<F>(f));
}

template <class F>
using closure_result = decltype(run_closure(std::declval<F>()));

template <class T>
inline constexpr bool fits_payload = sizeof(T) <= CW_ABI_PAYLOAD && alignof(T) <= 16;

// --- the closure in the payload -------------------------------------------------------------------------------

template <class F>
inline constexpr bool closure_in_place = fits_payload<F> && std::is_nothrow_move_constructible_v<F>;

// What the payload holds: the closure or its box. `source` of construct() points to one of these.
template <class F>
using stored_closure = std::conditional_t<closure_in_place<F>, F, std::unique_ptr<F>>;

template <class F>
stored_closure<F>& closure_at(void* payload) noexcept {
  return *std::launder(static_cast<stored_closure<F>*>(payload));
}

template <class F>
void construct_closure(void* payload, void* source) noexcept {
  ::new (payload) stored_closure<F>(std::move(*static_cast<stored_closure<F>*>(source)));
}

template <class F>
void destroy_closure(void* payload) noexcept {
  std::destroy_at(&closure_at<F>(payload));
}

template <class F>
F& closure_in(stored_closure<F>& stored) noexcept {
  if constexpr (closure_in_place<F>) return stored;
  else return *stored;
}

// --- the result in the payload --------------------------------------------------------------------------------

// A result as an object: nothing for void, a pointer for a reference.
template <class R>
using result_object = std::conditional_t<std::is_void_v<R>, std::monostate,
                                         std::conditional_t<std::is_reference_v<R>, std::add_pointer_t<R>, std::remove_cv_t<R>>>;

template <class R>
inline constexpr bool result_in_place = fits_payload<result_object<R>>;

template <class R>
using stored_result = std::conditional_t<result_in_place<R>, result_object<R>, std::unique_ptr<result_object<R>>>;

template <class R>
result_object<R>& result_at(void* payload) noexcept {
  auto& stored = *std::launder(static_cast<stored_result<R>*>(payload));
  if constexpr (result_in_place<R>) return stored;
  else return *stored;
}

inline std::exception_ptr& exception_at(void* payload) noexcept { return *std::launder(static_cast<std::exception_ptr*>(payload)); }

inline constexpr int outcome_value = 0;
inline constexpr int outcome_exception = 1;

template <class R>
void destroy_result(void* payload, int outcome) noexcept {
  if (outcome == outcome_exception) std::destroy_at(&exception_at(payload));
  else std::destroy_at(std::launder(static_cast<stored_result<R>*>(payload)));
}

// --- running --------------------------------------------------------------------------------------------------

template <class F>
int run_task(void* payload) {
  using R = closure_result<F>;
  stored_closure<F> stored(std::move(closure_at<F>(payload)));
  destroy_closure<F>(payload);
  try {
    F& f = closure_in<F>(stored);
    if constexpr (std::is_void_v<R>) {
      run_closure(std::move(f));
      ::new (payload) std::monostate;
    } else if constexpr (std::is_reference_v<R>) {
      ::new (payload) result_object<R>(std::addressof(run_closure(std::move(f))));
    } else if constexpr (result_in_place<R>) {
      ::new (payload) result_object<R>(run_closure(std::move(f)));
    } else {
      ::new (payload) stored_result<R>(new result_object<R>(run_closure(std::move(f))));
    }
    return outcome_value;
  } catch (const abi::__forced_unwind&) {  // the thread ends: never ours to keep
    throw;
  } catch (...) {
    ::new (payload) std::exception_ptr(std::current_exception());
    return outcome_exception;
  }
}

// A wait that was cancelled ends a detached green thread quietly: that is how it is asked to stop. Without memory for that exception it is
// std::bad_alloc that arrives here, and means the same if the next wait would be cancelled too.
template <class F>
int run_detached(void* payload) {
  struct Closure {  // gone on every way out, a forced unwind too
    void* at;
    ~Closure() { destroy_closure<F>(at); }
  } closure{payload};
  try {
    run_closure(std::move(closure_in<F>(closure_at<F>(payload))));
  } catch (const abi::__forced_unwind&) { throw; } catch (const causeway::error& e) {
    if (e.status() != CW_E_CANCELLED) cw_abi_uncaught(e.what());
  } catch (const std::bad_alloc& e) {
    if (cw_abi_sleep(1, nullptr) != CW_E_CANCELLED) cw_abi_uncaught(e.what());
  } catch (const std::exception& e) { cw_abi_uncaught(e.what()); } catch (...) {
    cw_abi_uncaught("an exception that is no std::exception");
  }
  return outcome_value;
}

template <class F>
inline constexpr cw_abi_task_ops task_ops{construct_closure<F>, run_task<F>, destroy_closure<F>, destroy_result<closure_result<F>>};

template <class F>
inline constexpr cw_abi_task_ops detached_ops{construct_closure<F>, run_detached<F>, destroy_closure<F>, nullptr};

// Spawns; throws error, or what moving the closure into its box throws.
template <class F>
void spawn_closure(const cw_abi_task_ops& ops, F&& f, const cw_spawn_options* options, int detached, cw_abi_green** out) {
  using Closure = std::decay_t<F>;
  if constexpr (closure_in_place<Closure>) {
    Closure source(std::forward<F>(f));
    check(cw_abi_spawn(&ops, &source, options, detached, out));
  } else {
    auto source = std::make_unique<Closure>(std::forward<F>(f));
    check(cw_abi_spawn(&ops, &source, options, detached, out));
  }
}

}  // namespace causeway::detail

#endif  // CAUSEWAY_CLOSURE_HPP
