// SPDX-License-Identifier: MIT
//
// The function that an address is in, for reports that may take their time: from the module's own symbol table, as its file has it.
//
// The loader knows exported names only (dladdr), and what a host runs is seldom exported. So the file is read: `.symtab`, or `.dynsym` where
// that one was stripped, piece by piece with pread: nothing of it is mapped, because a file that somebody truncates would then fault.
//
// The way that always works; lines and inlined functions are dwarf.hpp's.
#pragma once

#include <cstdint>
#include <string>

namespace causeway::trace {

struct Symbol {
  std::string name;     // demangled; empty: not known
  uintptr_t start = 0;  // where the function begins, as an address of this process
};

// Reads files and allocates; throws nothing: without memory the name is not known. Signal-safe: no
Symbol symbol_of(uintptr_t address) noexcept;

}  // namespace causeway::trace
