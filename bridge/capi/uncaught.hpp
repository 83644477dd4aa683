// SPDX-License-Identifier: MIT
//
// Exceptions that leave the body of a green thread.
#pragma once

#include <cxxabi.h>

#include <exception>

#include "causeway/abi.h"

namespace causeway::capi {

// Nobody can receive it: the error handler is told; without one, a report and the end of the process. Runs on the green thread.
void uncaught(const char* what) noexcept;

// Runs body(); an exception ends in on_exception(text) and true. What is no program's exception passes: abi::__forced_unwind
// (thread exit, cancellation), and what cw_abi_passes() says.
template <class Body, class OnException>
bool run_guarded(Body&& body, OnException&& on_exception) {
  try {
    body();
  } catch (abi::__forced_unwind&) { throw; } catch (const std::exception& e) {
    on_exception(e.what());
    return true;
  } catch (...) {
    if (cw_abi_passes() != 0) throw;
    on_exception("an exception that is not a std::exception");
    return true;
  }
  return false;
}

template <class Body>
bool run_guarded(Body&& body) {
  return run_guarded(static_cast<Body&&>(body), [](const char*) {});
}

}  // namespace causeway::capi
