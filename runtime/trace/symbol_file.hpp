// SPDX-License-Identifier: MIT
//
// The symbol table of an ELF file, read piece by piece into fixed buffers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::trace {

// The function of the file at `path` that holds `offset`, an address as the file counts it: its name as the linker has it, closed by a zero and cut
// to `room`, and where it begins. False: there is none.
//
// Stack:       about 13 KiB
// Blocks:      for reading the file; opens a descriptor meanwhile
// Signal-safe: yes; errno kept
bool symbol_in_file(const char* path, uint64_t offset, char* name, size_t room, uint64_t* start) noexcept;

}  // namespace causeway::trace
