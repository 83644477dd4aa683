// SPDX-License-Identifier: MIT
#include "runtime/trace/symbols.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "runtime/trace/module.hpp"
#include "runtime/trace/symbol_file.hpp"

namespace causeway::trace {
namespace {

constexpr size_t kLongestName = 4096;  // mangled

}  // namespace

Symbol symbol_of(uintptr_t address) noexcept {
  Symbol symbol;
  try {
    // Not dladdr: it takes the loader's lock, which a constructor in a dlopen may hold for as long as it likes.
    const Module module = module_of(address);
    if (!module.known) return symbol;
    const char* path = module.file[0] != '\0' ? module.file : "/proc/self/exe";
    std::string mangled(kLongestName, '\0');
    uint64_t start = 0;
    // Offsets in the file count from the load address too: 0 where a program is linked to a fixed place.
    if (symbol_in_file(path, module.offset, mangled.data(), mangled.size(), &start)) {
      mangled.resize(std::strlen(mangled.c_str()));
      int status = 0;
      const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
      symbol.name = status == 0 && plain != nullptr ? plain.get() : mangled;
      symbol.start = static_cast<uintptr_t>(start) + (address - module.offset);
    }
  } catch (const std::bad_alloc&) { symbol = Symbol{}; }
  return symbol;
}

}  // namespace causeway::trace
