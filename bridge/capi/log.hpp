// SPDX-License-Identifier: MIT
//
// The one log sink of the library, behind base::log(): the host's function if it set one, else spdlog to stderr.
#pragma once

namespace causeway::capi {

// Called at start; makes nothing yet. `level` is an enum cw_log_level.
void start_log(int level) noexcept;

}  // namespace causeway::capi
