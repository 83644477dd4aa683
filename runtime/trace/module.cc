// SPDX-License-Identifier: MIT
//
// module_of is reachable from signal handlers: _dl_find_object takes no lock (and is documented so by the C library), and the strings that
// are read belong to a module that code on a stack was running in.
#include "runtime/trace/module.hpp"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cstddef>

// Weak: the library also loads where the C library is older, and then names no modules.
extern "C" int _dl_find_object(void* address, dl_find_object* result) noexcept __attribute__((weak));

namespace causeway::trace {
namespace {

// The file name of the program, "" until it is read. Written by remember_program_name() before the hook that reads it is set.
char program_name[128] = "";

std::string_view without_folders(std::string_view path) noexcept {
  const size_t cut = path.rfind('/');
  return cut == std::string_view::npos ? path : path.substr(cut + 1);
}

}  // namespace

void remember_program_name() noexcept {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return;
  const std::string_view name = without_folders({path, static_cast<size_t>(n)});
  const size_t kept = name.copy(program_name, sizeof program_name - 1);
  program_name[kept] = '\0';
}

Module module_of(uintptr_t address) noexcept {
  dl_find_object found;
  if (_dl_find_object == nullptr || _dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return {};
  const link_map* map = found.dlfo_link_map;
  if (map == nullptr) return {};
  std::string_view name = map->l_name != nullptr ? without_folders(map->l_name) : std::string_view{};
  if (name.empty()) name = program_name[0] != '\0' ? program_name : "<main>";
  return {name, address - map->l_addr, true};
}

}  // namespace causeway::trace
