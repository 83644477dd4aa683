// SPDX-License-Identifier: MIT
//
// From cw_options and the environment to what the scheduler is started with: defaults, ranges, and a text for what is out of range.
#pragma once

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

struct Resolved {
  sched::Options options;
  base::asym::Mode barrier = base::asym::Mode::Auto;
  int log_level = CW_LOG_WARN;
};

using Complaint = base::TextBuffer<256>;

// Copies what the caller's struct has (its size says how much) over the defaults. CW_E_INVALID with a complaint.
cw_status adopt(const cw_options* from, cw_options* to, Complaint* complaint) noexcept;

// Applies the environment (CAUSEWAY_PROCESSORS, CAUSEWAY_LOG, CAUSEWAY_CHECK; not in set-uid processes), checks the ranges and resolves
// what is left to us. CW_E_INVALID with a complaint that names the field and its range.
cw_status resolve(const cw_options& from, Resolved* to, Complaint* complaint) noexcept;

// The defaults, as cw_options_init() gives them.
cw_options default_options() noexcept;

}  // namespace causeway::capi
