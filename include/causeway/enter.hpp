// SPDX-License-Identifier: MIT
//
// Calls in by hand: enter(f) runs f on a green thread of the calling thread and waits for it, post(f) runs it later.
//
//   int n = causeway::enter([&] { return *numbers.receive(); });   // any thread: it waits, and no processor is needed for it
//   causeway::post([job] { run(job); });                           // and goes on
//
// For C functions that take a function pointer, see entry.hpp.
#ifndef CAUSEWAY_ENTER_HPP
#define CAUSEWAY_ENTER_HPP

#include <causeway/abi.h>
#include <causeway/call.hpp>
#include <causeway/closure.hpp>
#include <causeway/error.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace causeway {

namespace detail {

// A call in on its way to the green thread's stack and back: in the caller's frame.
template <class F, class... A>
struct entered_call {
  packed_call<F, A...> call;
  cw_status status = CW_OK;

  static std::uint64_t target(std::uint64_t at, std::uint64_t, std::uint64_t) {
    packed_call<F, A...>::run(&reinterpret_cast<entered_call*>(at)->call);
    return 0;
  }
  static std::uint64_t failed(cw_status status, std::uint64_t at) {
    reinterpret_cast<entered_call*>(at)->status = status;
    return 0;
  }
  static constexpr cw_abi_entry entry{&target, &failed};
};

}  // namespace detail

// Runs f(args...) on a green thread of the calling thread and gives its result, or throws what it threw. On a green thread: a plain call.
// Throws error: as cw_enter(); then f did not run.
template <class F, class... A>
  requires std::is_invocable_v<F, A...>
std::invoke_result_t<F, A...> enter(F&& f, A&&... args) {
  using entered = detail::entered_call<F, A...>;
  entered in{detail::packed_call<F, A...>(std::forward<F>(f), std::forward<A>(args)...)};
  cw_abi_enter(reinterpret_cast<std::uint64_t>(&in), 0, 0, &entered::entry);
  if (in.status != CW_OK) [[unlikely]]
    detail::fail(in.status, cw_last_error());
  return in.call.take();
}

namespace detail {

template <class F>
void run_posted(void* boxed) {
  std::unique_ptr<F> f(static_cast<F*>(boxed));
  try {
    std::invoke(std::move(*f));
  } catch (const abi::__forced_unwind&) { throw; } catch (const causeway::error& e) {
    if (e.status() != CW_E_CANCELLED) cw_abi_uncaught(e.what());
  } catch (const std::exception& e) { cw_abi_uncaught(e.what()); } catch (...) {
    cw_abi_uncaught("an exception that is no std::exception");
  }
}

}  // namespace detail

// Runs f later on a green thread of its own; what it throws goes to the error handler. Allocates, so not in signal handlers (cw_post is).
// Throws error: CW_E_FULL (post_capacity posts wait), CW_E_STOPPED, CW_E_NOT_READY; std::bad_alloc.
template <class F>
  requires std::is_invocable_v<std::decay_t<F>>
void post(F&& f) {
  using Closure = std::decay_t<F>;
  auto boxed = std::make_unique<Closure>(std::forward<F>(f));
  if (const cw_status status = cw_post(&detail::run_posted<Closure>, boxed.get()); status != CW_OK)
    detail::fail(status, status == CW_E_FULL ? "post: post_capacity posts wait to run; raise the option, or post less"
                                             : "post: no runtime is running, or it is stopping");
  boxed.release();
}

}  // namespace causeway

#endif  // CAUSEWAY_ENTER_HPP
