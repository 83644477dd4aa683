// SPDX-License-Identifier: MIT
#include "runtime/os/env.hpp"

#include <sys/auxv.h>

#include <cstdlib>

namespace causeway::os {

bool secure_process() noexcept { return getauxval(AT_SECURE) != 0; }

const char* env(const char* name) noexcept { return secure_process() ? nullptr : std::getenv(name); }

}  // namespace causeway::os
