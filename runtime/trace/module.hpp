// SPDX-License-Identifier: MIT
//
// Which module an address is in. Reachable from signal handlers.
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway::trace {

struct Module {
  std::string_view name = "?";  // without folders. The loader's: valid while the module is loaded
  uintptr_t offset = 0;         // of the address from the module's load address
  bool known = false;
  const char* file = nullptr;  // its path as the loader has it, "" for the program. As long-lived as `name`
};

// Signal-safe: yes; lock-free where the C library has _dl_find_object (glibc 2.35), else never known.
Module module_of(uintptr_t address) noexcept;

// Reads the program's own name, which the loader does not know.                                         Signal-safe: no
void remember_program_name() noexcept;

}  // namespace causeway::trace
