// SPDX-License-Identifier: MIT
//
// Where slots come from. Stubs: the table of the library's image, then more tables mapped from its file (os/code_pages.hpp). Data slots: memory.
//
// Which one: one that was never used, while the tables have one; then the one of the same signature that has been dead for longest; then the one that
// has been dead for longest of all; then a new table. So a late call of a code pointer that was closed a moment ago finds its own fallback.
#pragma once

#include "bridge/closure/slot.hpp"
#include "runtime/base/base.hpp"

namespace causeway::closure {

// A slot whose state is 0, the caller's alone. signature: what its callers pass and expect, by address.
// Errors: CW_E_NOMEM, CW_E_LIMIT, CW_E_EXECMEM, CW_E_UNSUPPORTED. Blocks: shortly; a new table reads /proc/self/maps.
base::Result<Slot*> take_slot(SlotKind kind, const void* signature) noexcept;
// It is closed, nobody runs or holds it: INV-SL1.
void give_back_slot(Slot* slot) noexcept;

// The code pointer of a slot with a stub.
void (*code_of(const Slot* slot) noexcept)(void);
inline constexpr uint32_t kMaxDataSlots = uint32_t{1} << 24;
inline constexpr uint32_t kDataChunk = 1024;
extern std::atomic<Slot*> data_chunks[kMaxDataSlots / kDataChunk];  // release: the slots

// A data slot by its index, or null if there was never one. Signal-safe: yes
CW_ALWAYS_INLINE Slot* data_slot(uint32_t index) noexcept {
  // acquire: pairs with the release of who made the chunk.
  Slot* chunk = data_chunks[index / kDataChunk].load(std::memory_order_acquire);
  return chunk != nullptr ? chunk + index % kDataChunk : nullptr;
}

}  // namespace causeway::closure
