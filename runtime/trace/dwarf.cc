// SPDX-License-Identifier: MIT
#include "runtime/trace/dwarf.hpp"

#include <cxxabi.h>
#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#if __has_include(<dwarf.h>) && __has_include(<elfutils/libdwfl.h>)
#define CW_HAVE_LIBDW 1
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#else
#define CW_HAVE_LIBDW 0
#endif

namespace causeway::trace::dwarf {

#if CW_HAVE_LIBDW

namespace {

// The functions that are used, with the types of the header.
// clang-format off
#define CW_LIBDW_LIST(X)                                                                                                          \
  X(dwfl_begin) X(dwfl_end) X(dwfl_report_begin) X(dwfl_report_elf) X(dwfl_report_end) X(dwfl_build_id_find_elf)                  \
  X(dwfl_build_id_find_debuginfo) X(dwfl_offline_section_address) X(dwfl_module_addrsym) X(dwfl_module_addrdie)                   \
  X(dwfl_module_nextcu) X(dwfl_module_getdwarf) X(dwarf_haspc) X(dwarf_child) X(dwarf_siblingof) X(dwarf_getsrc_die)              \
  X(dwarf_linesrc) X(dwarf_lineno) X(dwarf_getscopes_die) X(dwarf_tag) X(dwarf_attr) X(dwarf_attr_integrate) X(dwarf_formstring)  \
  X(dwarf_formudata) X(dwarf_formref_die) X(dwarf_getsrcfiles) X(dwarf_filesrc) X(dwarf_diename) X(dwarf_new_oom_handler)
// clang-format on

struct Library {
#define CW_LIBDW_MEMBER(name) decltype(&::name) name = nullptr;
  CW_LIBDW_LIST(CW_LIBDW_MEMBER)
#undef CW_LIBDW_MEMBER
};
Library lib;
enum class State : uint8_t { Unknown, There, Missing };
std::atomic<State> state{State::Unknown};

// By default it would end the process. What it was in the middle of goes with its session.
__attribute__((noreturn)) void out_of_memory() { throw std::bad_alloc(); }  // the attribute of the header's type

// The standard one asks a server on the network where the environment says so; this one looks for files.
const Dwfl_Callbacks& callbacks() noexcept {
  static const Dwfl_Callbacks all = [] {
    Dwfl_Callbacks c{};
    c.find_elf = lib.dwfl_build_id_find_elf;
    c.find_debuginfo = lib.dwfl_build_id_find_debuginfo;
    c.section_address = lib.dwfl_offline_section_address;
    return c;
  }();
  return all;
}

std::string demangled(const char* name) {
  if (name == nullptr) return {};
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 && plain != nullptr ? plain.get() : name;
}

struct Scopes {
  Dwarf_Die* at = nullptr;
  int n = 0;
  Scopes() noexcept = default;
  ~Scopes() { std::free(at); }
  Scopes(const Scopes&) = delete;
  Scopes& operator=(const Scopes&) = delete;
};

// With the namespaces, classes and functions around it. For code without a linkage name: of an anonymous namespace, of a lambda.
std::string qualified(Dwarf_Die* die) {
  Dwarf_Die declared = *die;
  Dwarf_Attribute attribute;
  for (const unsigned which : {unsigned{DW_AT_abstract_origin}, unsigned{DW_AT_specification}}) {
    Dwarf_Die next;
    Dwarf_Attribute* found = lib.dwarf_attr(&declared, which, &attribute);
    if (found != nullptr && lib.dwarf_formref_die(found, &next) != nullptr) declared = next;
  }
  Scopes around;
  around.n = lib.dwarf_getscopes_die(&declared, &around.at);
  const char* own = lib.dwarf_diename(die);
  std::string name = own != nullptr ? own : "?";
  for (int i = 1; i < around.n; ++i) {
    const int tag = lib.dwarf_tag(&around.at[i]);
    const char* scope = lib.dwarf_diename(&around.at[i]);
    if (tag == DW_TAG_namespace) name = std::string(scope != nullptr ? scope : "(anonymous namespace)") + "::" + name;
    else if (tag == DW_TAG_class_type || tag == DW_TAG_structure_type)
      name = std::string(scope != nullptr ? scope : "(unnamed)") + "::" + name;
    else if (tag == DW_TAG_subprogram && scope != nullptr) name = std::string(scope) + "()::" + name;
  }
  return name;
}

std::string name_of(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  for (const unsigned which : {unsigned{DW_AT_linkage_name}, unsigned{DW_AT_MIPS_linkage_name}}) {
    Dwarf_Attribute* found = lib.dwarf_attr_integrate(die, which, &attribute);
    if (const char* mangled = found != nullptr ? lib.dwarf_formstring(found) : nullptr) return demangled(mangled);
  }
  return qualified(die);
}

uint64_t number_of(Dwarf_Die* die, unsigned which) noexcept {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  return lib.dwarf_formudata(lib.dwarf_attr(die, which, &attribute), &value) == 0 ? value : 0;
}

// The compilation unit that the address is in. By the index, which gcc writes; clang writes none, and then all are asked.
Dwarf_Die* unit_of(Dwfl_Module* module, Dwarf_Addr address, Dwarf_Addr* bias) noexcept {
  Dwarf_Die* unit = lib.dwfl_module_addrdie(module, address, bias);
  if (unit != nullptr) return unit;
  while ((unit = lib.dwfl_module_nextcu(module, unit, bias)) != nullptr)
    if (lib.dwarf_haspc(unit, address - *bias) == 1) return unit;
  return nullptr;
}

// The entries around the address, the outermost first: a function, blocks, functions that are inlined there. Not by dwarf_getscopes(): it does not look
// for functions inside of namespaces and classes, where clang puts them.
bool find_entries(Dwarf_Die* parent, Dwarf_Addr address, std::vector<Dwarf_Die>* path) {
  constexpr size_t kMostDeep = 128;
  Dwarf_Die child;
  if (path->size() > kMostDeep || lib.dwarf_child(parent, &child) != 0) return false;
  do {
    switch (lib.dwarf_tag(&child)) {
      case DW_TAG_subprogram:
      case DW_TAG_inlined_subroutine:
      case DW_TAG_lexical_block:
        if (lib.dwarf_haspc(&child, address) != 1) break;
        path->push_back(child);
        find_entries(&child, address, path);
        return true;
      case DW_TAG_namespace:
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
        if (find_entries(&child, address, path)) return true;
        break;
      default: break;
    }
  } while (lib.dwarf_siblingof(&child, &child) == 0);
  return false;
}

// The functions around `address`, the innermost first; their places: of that one `file:line`, of each other one the call in it.
void functions_of(Dwfl_Module* module, Dwarf_Addr address, std::vector<Function>* to) {
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = unit_of(module, address, &bias);
  if (unit == nullptr) return;
  Function place;
  if (Dwarf_Line* line = lib.dwarf_getsrc_die(unit, address - bias)) {
    if (const char* path = lib.dwarf_linesrc(line, nullptr, nullptr)) place.file = path;
    static_cast<void>(lib.dwarf_lineno(line, &place.line));
  }
  std::vector<Dwarf_Die> path;
  find_entries(unit, address - bias, &path);
  Dwarf_Files* files = nullptr;
  size_t file_count = 0;
  static_cast<void>(lib.dwarf_getsrcfiles(unit, &files, &file_count));
  for (; !path.empty(); path.pop_back()) {
    Dwarf_Die* die = &path.back();
    const int tag = lib.dwarf_tag(die);
    if (tag == DW_TAG_lexical_block) continue;
    place.name = name_of(die);
    to->push_back(place);
    if (tag == DW_TAG_subprogram) return;
    place = Function{};
    const uint64_t file = number_of(die, DW_AT_call_file);
    const char* at = files != nullptr && file < file_count ? lib.dwarf_filesrc(files, file, nullptr, nullptr) : nullptr;
    if (at != nullptr) place.file = at;
    place.line = static_cast<int>(number_of(die, DW_AT_call_line));
  }
  if (to->empty() && !place.file.empty()) to->push_back(place);
}

}  // namespace

bool loaded() noexcept { return state.load(std::memory_order_acquire) == State::There; }

void forbid() noexcept { state.store(State::Missing, std::memory_order_release); }

bool load() noexcept {
  if (state.load(std::memory_order_acquire) != State::Unknown) return loaded();
  // Never unloaded: it is used again, and a host may use it too. Needs: the lock of Names.
  void* handle = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
  bool all = handle != nullptr;
#define CW_LIBDW_FIND(name) all = all && (lib.name = reinterpret_cast<decltype(lib.name)>(dlsym(handle, #name))) != nullptr;
  CW_LIBDW_LIST(CW_LIBDW_FIND)
#undef CW_LIBDW_FIND
  state.store(all ? State::There : State::Missing, std::memory_order_release);
  return all;
}

Session::~Session() {
  for (const File& file : files_) lib.dwfl_end(static_cast<Dwfl*>(file.session));
}

Session::File* Session::open(uintptr_t address, const Module& module) {
  const uintptr_t base = address - module.offset;
  for (File& file : files_)
    if (file.base == base) return &file;
  files_.reserve(files_.size() + 1);
  File file;
  file.path = module.file[0] != '\0' ? module.file : "/proc/self/exe";
  file.base = base;
  Dwfl* session = lib.dwfl_begin(&callbacks());
  if (session == nullptr) return nullptr;
  file.session = session;
  lib.dwfl_report_begin(session);
  file.module = lib.dwfl_report_elf(session, file.path.c_str(), file.path.c_str(), -1, base, false);
  lib.dwfl_report_end(session, nullptr, nullptr);
  files_.push_back(std::move(file));
  return &files_.back();
}

std::vector<Function> Session::functions_at(uintptr_t address, const Module& module) {
  std::vector<Function> found;
  File* file = open(address, module);
  if (file == nullptr || file->module == nullptr) return found;
  auto* dwfl_module = static_cast<Dwfl_Module*>(file->module);
  Dwarf_Addr bias = 0;
  if (Dwarf* dwarf = lib.dwfl_module_getdwarf(dwfl_module, &bias)) lib.dwarf_new_oom_handler(dwarf, &out_of_memory);
  functions_of(dwfl_module, address, &found);
  // The symbol's name says more: it has the parameters.
  GElf_Sym symbol;
  if (const char* name = lib.dwfl_module_addrsym(dwfl_module, address, &symbol, nullptr)) {
    if (found.empty()) found.emplace_back();
    found.back().name = demangled(name);
  }
  return found;
}

#else

bool load() noexcept { return false; }
bool loaded() noexcept { return false; }
void forbid() noexcept {}
Session::~Session() = default;
std::vector<Function> Session::functions_at(uintptr_t, const Module&) { return {}; }

#endif

}  // namespace causeway::trace::dwarf
