// SPDX-License-Identifier: MIT
#include "runtime/os/static_storage.hpp"

#include <dlfcn.h>

namespace causeway::os {

bool in_static_storage(const void* object) noexcept {
  Dl_info info;
  return dladdr(object, &info) != 0;  // inside the mapped part of a module, zeroed data included
}

}  // namespace causeway::os
