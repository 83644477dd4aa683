// SPDX-License-Identifier: MIT
#include "runtime/trace/names.hpp"

#include <link.h>

#include <mutex>
#include <unordered_map>

#include "runtime/base/base.hpp"
#include "runtime/trace/dwarf.hpp"
#include "runtime/trace/module.hpp"
#include "runtime/trace/symbols.hpp"

namespace causeway::trace {

namespace {

constexpr size_t kMostPlaces = 16384;
constexpr size_t kLongestName = 300;  // as printed: deep templates have names of kilobytes

// How often modules came and went.
struct Modules {
  unsigned long long come = 0, gone = 0;
  bool operator==(const Modules&) const = default;
};

Modules modules_now() noexcept {
  Modules now;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* to) {
        *static_cast<Modules*>(to) = {info->dlpi_adds, info->dlpi_subs};
        return 1;  // the first says it for all
      },
      &now);
  return now;
}

// The name of a function begins so, or that of a template of functions, which has its result before it: `int causeway::detail::run_task<...>(void*)`.
bool begins(std::string_view name, std::string_view begin) noexcept {
  if (name.starts_with(begin)) return true;
  const size_t inner = name.find(begin);
  return inner != std::string_view::npos && inner > 0 && name[inner - 1] == ' ' && inner < name.find('<');
}

// Functions of ours that say nothing to a host: how a crossing, a wait or a birth is made.
bool is_ours(std::string_view name) noexcept {
  for (const std::string_view begin :
       {"causeway::sched::", "causeway::inbound::", "causeway::outbound::", "causeway::crossing::", "causeway::capi::", "causeway::trace::",
        "causeway::world::", "causeway::sync::", "causeway::io::", "causeway::base::", "causeway::os::", "causeway::detail::",
        "causeway::traceback", "cw_abi_", "cw_arch_"})
    if (begins(name, begin)) return true;
  // The C++ library of gcc cannot read all that clang writes.
  return name.starts_with("_Z") && name.find("N8causeway6detail") < 8;
}

// How the standard library calls a function object.
bool is_plumbing(std::string_view name) noexcept {
  for (const std::string_view begin : {"std::__invoke", "std::invoke", "std::__apply", "std::apply", "std::invoke_result"})
    if (begins(name, begin)) return true;
  for (const std::string_view begin : {"_ZSt8__invoke", "_ZSt6invoke", "_ZSt13__invoke", "_ZSt12__apply", "_ZSt5apply"})
    if (name.starts_with(begin)) return true;
  return false;
}

std::string shortened(std::string name) {
  if (name.size() <= kLongestName) return name;
  name.resize(kLongestName);
  return name + "...";
}

}  // namespace

struct Names::Cache {
  std::mutex lock;
  Modules modules;
  std::unordered_map<uintptr_t, Place> places;  // by the address inside
  dwarf::Session* session = nullptr;            // of the Names that has the lock
};

namespace {

// Never destroyed: a thread of the host may ask while the process ends.
alignas(Names::Cache) std::byte cache_storage[sizeof(Names::Cache)];
Names::Cache& cache() noexcept {
  static Names::Cache* const one = new (cache_storage) Names::Cache;
  return *one;
}

std::vector<dwarf::Function> functions_at(Names::Cache& all, uintptr_t address, const Module& module) {
  std::vector<dwarf::Function> found;
  if (dwarf::loaded() && module.known) {
    if (all.session == nullptr) all.session = new dwarf::Session;
    found = all.session->functions_at(address, module);
  }
  if (!found.empty() && !found.back().name.empty()) return found;
  if (Symbol symbol = symbol_of(address); !symbol.name.empty()) {
    if (found.empty()) found.emplace_back();
    found.back().name = std::move(symbol.name);
  }
  return found;
}

// "" for what is nothing but an address.
std::string offset_text(uintptr_t pc, const Module& module) {
  base::TextBuffer<256> text;
  if (module.known) text.append(module.name).append("+0x").append_hex(module.offset);
  else text.append("0x").append_hex(pc);
  return std::string(text.view());
}

Place make_place(Names::Cache& all, uintptr_t pc, uintptr_t inside) {
  Place place;
  const Module module = module_of(inside), shown = module_of(pc);
  const std::string where = offset_text(pc, shown.known ? shown : module);
  const std::vector<dwarf::Function> functions = functions_at(all, inside, module);
  // A host's function that is inlined into one of ours is the host's, and the other way round.
  std::vector<const dwarf::Function*> shown_ones;
  for (size_t i = 0; i < functions.size(); ++i) {
    const bool last = i + 1 == functions.size();
    if (!is_ours(functions[i].name) && (last || !is_plumbing(functions[i].name))) shown_ones.push_back(&functions[i]);
  }
  // The shared library has no code of a host's.
  if (module.known && module.name.starts_with("libcauseway.so")) shown_ones.clear();
  place.ours = shown_ones.empty() && !functions.empty();
  if (place.ours) shown_ones.push_back(&functions.back());
  for (const dwarf::Function* each : shown_ones) {
    std::string line = each->name.empty() ? "?" : shortened(each->name);
    if (!each->file.empty()) line += " at " + each->file + ":" + std::to_string(each->line);
    line += each == shown_ones.back() ? " (" + where + ")" : " (inlined)";
    place.lines.push_back(std::move(line));
  }
  if (place.lines.empty()) place.lines.push_back(module.known ? where : where + " ?");
  return place;
}

}  // namespace

Names::Names(Libdw how) noexcept : how_(how) {
  Cache& all = cache();
  all.lock.lock();
  if (how_ == Libdw::Load) static_cast<void>(dwarf::load());
  if (const Modules now = modules_now(); !(now == all.modules)) {
    all.places.clear();
    all.modules = now;
  }
}

Names::~Names() {
  Cache& all = cache();
  delete all.session;
  all.session = nullptr;
  all.lock.unlock();
}

const Place& Names::of(uintptr_t pc, bool exact) {
  Cache& all = cache();
  const uintptr_t inside = exact ? pc : pc - 1;
  // An address to return to is shown as it is, so the two are different places.
  const uintptr_t key = exact ? pc ^ (uintptr_t{1} << 63) : pc;
  if (const auto known = all.places.find(key); known != all.places.end()) return known->second;
  if (all.places.size() >= kMostPlaces) all.places.clear();
  return all.places.emplace(key, make_place(all, pc, inside)).first->second;
}

std::string Names::function(uintptr_t address) {
  const Module module = module_of(address);
  if (address == 0) return {};
  std::vector<dwarf::Function> found = functions_at(cache(), address, module);
  if (found.empty() || found.back().name.empty()) return offset_text(address, module);
  return is_ours(found.back().name) ? "a function object" : shortened(std::move(found.back().name));
}

void forget_names_in_child() noexcept {
  Names::Cache& all = cache();
  if (all.lock.try_lock()) all.lock.unlock();
  else new (cache_storage) Names::Cache;  // another thread of the parent was changing it
}

void forget_names() noexcept {
  Names::Cache& all = cache();
  const std::lock_guard guard(all.lock);
  all.places = {};
}

}  // namespace causeway::trace
