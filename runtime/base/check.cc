// SPDX-License-Identifier: MIT
#include "runtime/base/check.hpp"

#include "runtime/base/fatal.hpp"

namespace causeway::base {

void check_failed(std::string_view text) noexcept { fatal(FatalId::Invariant, text); }

}  // namespace causeway::base
