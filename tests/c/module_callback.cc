// SPDX-License-Identifier: MIT
//
// A module in C++ that gives its host a code pointer of a callback, and is unloaded: for module.c.
#include <causeway/causeway.hpp>

#include <optional>

namespace {

std::optional<causeway::callback<int(int)>> held;

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int (*module_callback_begin())(int);
[[gnu::visibility("default")]] int module_callback_end();

int (*module_callback_begin())(int) {
  if (cw_runtime_start(nullptr) != CW_OK) return nullptr;
  held.emplace([](int x) { return x + 1; }, causeway::on_exception::return_value(-7));
  return held->code();
}

int module_callback_end() {
  held.reset();
  return static_cast<int>(cw_runtime_stop(CW_FOREVER));
}
}
