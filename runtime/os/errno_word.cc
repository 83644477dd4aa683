// SPDX-License-Identifier: MIT
#include "runtime/os/errno_word.hpp"

#include <cerrno>

namespace causeway::os {

int* errno_word() noexcept {
  asm volatile("" ::: "memory");  // not a constant to any caller
  return &errno;
}

}  // namespace causeway::os
