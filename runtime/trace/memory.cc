// SPDX-License-Identifier: MIT
#include "runtime/trace/memory.hpp"

#include "runtime/os/os.hpp"

namespace causeway::trace {

void Memory::prove(Use use, uintptr_t low, uintptr_t high) noexcept {
  constexpr uintptr_t kWord = sizeof(uintptr_t);
  low_[use] = (low + kWord - 1) & ~(kWord - 1);
  high &= ~(kWord - 1);
  bytes_[use] = !shy_ && high > low_[use] ? high - low_[use] : 0;
}

bool Memory::ask(uintptr_t at, uintptr_t* to) noexcept {
  if (!os::read_memory(to, reinterpret_cast<const void*>(at), sizeof *to)) return false;
  if (!shy_) {
    page_bytes_ = os::page_size();
    page_ = at / page_bytes_ * page_bytes_;
  }
  return true;
}

}  // namespace causeway::trace
