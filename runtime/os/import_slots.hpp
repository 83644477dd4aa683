// SPDX-License-Identifier: MIT
//
// The linker's tables (GOT) of the loaded modules: where each keeps the addresses of functions that it takes from others.
#pragma once

#include <string_view>

namespace causeway::os {

// Asked for each function slot of each loaded module. `unbound`: the module has not called it yet, and `now` is the stub that would look for it.
// Answers what to put there, or null to leave it. No memory may be allocated, as a table that is half changed would be used for that.
using ChangeImport = void* (*)(std::string_view name, void* now, bool unbound, void* arg) noexcept;

// Not seen: calls that need no slot, inside a module; functions whose address is kept elsewhere.
// Blocks:      on the loader's lock, under which it asks
// Signal-safe: no
void change_imports(ChangeImport change, void* arg) noexcept;

}  // namespace causeway::os
