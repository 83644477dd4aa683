// SPDX-License-Identifier: MIT
//
// Row 6: an M as others may see it, while it is in C and while it runs user code. May include rows 1 to 5.
#pragma once

#include "runtime/crossing/callee.hpp"        // IWYU pragma: export
#include "runtime/crossing/callee_steps.hpp"  // IWYU pragma: export
#include "runtime/crossing/float_border.hpp"  // IWYU pragma: export
#include "runtime/crossing/gate.hpp"
#include "runtime/crossing/pivot.hpp"
#include "runtime/crossing/record.hpp"  // IWYU pragma: export
