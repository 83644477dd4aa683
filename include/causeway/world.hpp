// SPDX-License-Identifier: MIT
//
// world_run(d, f): f while no managed code runs, for collectors, snapshots and debuggers.
//
//   std::size_t used = 0;
//   causeway::world_run(1s, [&]() noexcept {
//     cw_world_visit([](const cw_segment* s, void* sum) {
//       *static_cast<std::size_t*>(sum) += static_cast<const char*>(s->high) - static_cast<const char*>(s->sp);
//       return 0;
//     }, &used);
//   });
#ifndef CAUSEWAY_WORLD_HPP
#define CAUSEWAY_WORLD_HPP

#include <causeway/causeway.h>
#include <causeway/error.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <type_traits>

namespace causeway {

// As cw_world_run(): in f nothing but cw_world_visit(), cw_world_visit_all() and what is async-signal-safe. f is noexcept, because to throw is not.
// Throws error: CW_E_TIMEOUT (who did not stop in time is in its text; f did not run), CW_E_STATE, CW_E_NOT_READY, CW_E_ASYNC.
template <class Rep, class Period, class F>
  requires std::is_nothrow_invocable_v<F&>
void world_run(const std::chrono::duration<Rep, Period>& d, F&& f) {
  using Function = std::remove_reference_t<F>;
  detail::check(cw_world_run(
      detail::timeout_ns(d), [](void* at) { (*static_cast<Function*>(at))(); }, const_cast<void*>(static_cast<const void*>(&f))));
}

}  // namespace causeway

#endif  // CAUSEWAY_WORLD_HPP
