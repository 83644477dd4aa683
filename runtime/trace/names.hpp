// SPDX-License-Identifier: MIT
//
// Addresses in words: function, file and line, what was inlined there, module and offset.
//
// By DWARF where the elfutils' libdw.so.1 can be loaded and the module has it; else by the module's symbol table (symbols.hpp); else module and offset.
// The library is loaded at the first traceback that somebody asks for, not linked: who never asks does not pay for it, and where it is missing
// functions have names all the same. Sessions with it end with each traceback, so that no descriptor and no mapping stays; names that were
// found are kept, up to a bound, until a module comes or goes.
//
// Decision 0017.                                                                                         Signal-safe: nothing here
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::trace {

struct Place {
  // Innermost first, the inlined ones before the function that they are in: `f(int) at file.cc:12 (prog+0x1234)`. Never empty.
  std::vector<std::string> lines;
  bool ours = false;  // the library's own code
};

// One traceback's look-ups. One thread at a time has one: the others wait.
class Names {
 public:
  enum class Libdw : uint8_t { Load, IfThere };  // not where waiting for the loader's lock would be wrong
  explicit Names(Libdw how) noexcept;
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  // The place of an address; of one to return to the call before it. Valid until the next call.
  // Throws std::bad_alloc.
  const Place& of(uintptr_t pc, bool exact);
  // The function that begins there.
  std::string function(uintptr_t address);

  struct Cache;

 private:
  Libdw how_;
};

// What is kept goes; by the end of the runtime.
void forget_names() noexcept;
// In a child of fork(): also if another thread was at it. Allocates: never
void forget_names_in_child() noexcept;

}  // namespace causeway::trace
