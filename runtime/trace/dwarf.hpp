// SPDX-License-Identifier: MIT
//
// elfutils' libdw behind five functions: the only file that knows it is dwarf.cc.                       Signal-safe: nothing here
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/trace/module.hpp"

namespace causeway::trace::dwarf {

struct Function {
  std::string name;  // demangled; empty: not known
  std::string file;  // empty: not known
  int line = 0;
};

// Loads the library, once. False: it is not there, or the build had no header of it.
bool load() noexcept;
bool loaded() noexcept;
// As if it were not there; for tests. Needs: nobody asks for names meanwhile
void forbid() noexcept;

// What is open of modules; closed by the destructor.
class Session {
 public:
  Session() noexcept = default;
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The functions that are at an address of this process, innermost first: what is inlined there, then the one that it is in.
  // Empty: nothing known. Throws std::bad_alloc. Needs: loaded()
  std::vector<Function> functions_at(uintptr_t address, const Module& module);

 private:
  struct File {
    std::string path;
    uintptr_t base = 0;
    void* session = nullptr;  // Dwfl
    void* module = nullptr;   // Dwfl_Module
  };
  File* open(uintptr_t address, const Module& module);
  std::vector<File> files_;
};

}  // namespace causeway::trace::dwarf
