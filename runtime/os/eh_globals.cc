// SPDX-License-Identifier: MIT
#include "runtime/os/eh_globals.hpp"

#include <cxxabi.h>

namespace causeway::os {

void* eh_globals() noexcept {
  CW_OPAQUE_BODY();
  return abi::__cxa_get_globals();
}

}  // namespace causeway::os
