// SPDX-License-Identifier: MIT
//
// For CPUs without a table of stubs (arch/stubs.h).
#include "arch/arch.hpp"

extern "C" {
[[gnu::visibility("hidden")]] const std::byte cw_arch_stubs[1] = {};
[[gnu::visibility("hidden")]] std::byte cw_arch_stub_data[1] = {};
}
