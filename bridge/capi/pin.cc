// SPDX-License-Identifier: MIT
//
// The object that this code is in stays loaded from the first start on: threads that end later still run the destructor of our key, a fork runs
// our handlers, and late calls find their entries. The shared library is linked so (-z nodelete); a plug-in that links the archive is not, so it is told
// here. A program is never unloaded.
#include <dlfcn.h>
#include <link.h>

#include <atomic>

#include "bridge/capi/fork.hpp"
#include "bridge/capi/last_error.hpp"

namespace causeway::capi {

cw_status pin_object() noexcept {
  static std::atomic<bool> pinned{false};
  if (pinned.load(std::memory_order_relaxed)) return CW_OK;  // relaxed: twice is harmless
  Dl_info info{};
  link_map* object = nullptr;
  // Not found: a static program. Without a name: the program.
  const bool found = dladdr1(reinterpret_cast<void*>(&pin_object), &info, reinterpret_cast<void**>(&object), RTLD_DL_LINKMAP) != 0;
  if (found && object != nullptr && object->l_name != nullptr && *object->l_name != '\0') {
    void* handle = dlopen(object->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (handle == nullptr) {
      base::TextBuffer<512> text;
      text.append("the object that holds the library cannot be kept loaded: ");
      const char* why = dlerror();
      text.append(why != nullptr ? why : object->l_name);
      return fail(CW_E_SYSTEM, text.view());
    }
    dlclose(handle);  // the mark stays
  }
  pinned.store(true, std::memory_order_relaxed);
  return CW_OK;
}

}  // namespace causeway::capi
