// SPDX-License-Identifier: MIT
//
// module_of is reachable from signal handlers: _dl_find_object takes no lock (and is documented so by the C library), and the strings that
// are read belong to a module that code on a stack was running in.
#include "runtime/trace/module.hpp"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>

// Weak: the library also loads where the C library is older, and then names no modules.
extern "C" int _dl_find_object(void* address, dl_find_object* result) noexcept __attribute__((weak));

namespace causeway::trace {
namespace {

// The file name of the program. Written by the first remember_program_name(), and read by nobody before it is known.
char program_name[128] = "";
enum class Name : uint8_t { Unread, Reading, Known };
constinit std::atomic<Name> name_state{Name::Unread};

std::string_view without_folders(std::string_view path) noexcept {
  const size_t cut = path.rfind('/');
  return cut == std::string_view::npos ? path : path.substr(cut + 1);
}

}  // namespace

void remember_program_name() noexcept {
  // Starts may run side by side. relaxed: only one writes; readers wait for Known.
  Name seen = Name::Unread;
  if (!name_state.compare_exchange_strong(seen, Name::Reading, std::memory_order_relaxed)) return;
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return;
  const std::string_view name = without_folders({path, static_cast<size_t>(n)});
  const size_t kept = name.copy(program_name, sizeof program_name - 1);
  program_name[kept] = '\0';
  name_state.store(Name::Known, std::memory_order_release);  // pairs with module_of()
}

Module module_of(uintptr_t address) noexcept {
  dl_find_object found;
  if (_dl_find_object == nullptr || _dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return {};
  const link_map* map = found.dlfo_link_map;
  if (map == nullptr) return {};
  std::string_view name = map->l_name != nullptr ? without_folders(map->l_name) : std::string_view{};
  if (name.empty()) name = name_state.load(std::memory_order_acquire) == Name::Known ? program_name : "<main>";
  return {name, address - map->l_addr, true, map->l_name != nullptr ? map->l_name : ""};
}

}  // namespace causeway::trace
