// SPDX-License-Identifier: MIT
//
// Slot: the record of one callback, and the data block of its stub: what C holds leads here (arch/arch.hpp). crossing::Callee is its first part, which
// a libffi Go closure may be read from: {where to jump, two words}.
//
// Life: free → fresh (made, not called yet) → live → closed → free. A closed slot keeps its fallback, name and type until it is used again, so that
// late calls of the old code pointer get what was promised.
//
//   INV-SL1  Slots are never freed. A slot is used again only when it is closed, nobody holds it, nobody runs it, and nobody reads its fallback.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "causeway/abi.h"
#include "runtime/crossing/crossing.hpp"

namespace causeway::closure {

struct Owner;

enum class SlotKind : uint8_t { Stub, Data };  // has a code pointer of its own; is found by the user data that C passes

struct Slot : crossing::Callee {
  // Of the callback, constant from its making to its next. The type lies in who made it, who may be unloaded when the callback has ended: from there on
  // it is an address to compare. What late calls and the choice of a slot need of it is here too.
  const cw_abi_callback_type* type = nullptr;
  const void* signature = nullptr;
  uint32_t result_size = 0;
  Slot* next = nullptr;  // in one list of slots.cc or lifetime.cc
  uint64_t died = 0;     // when it came to the list of dead ones; counts
  // --- guarded by the owners' lock ---
  Owner* owner = nullptr;
  base::Link owned;
  // Late calls that read the fallback. Who uses the slot again changes it from 0 to kTaken, clears state, and takes kTaken away: the order of this one
  // word says who was first, so nobody finds a state cleared for a slot that is not used again after all. INV-SL1
  static constexpr uint32_t kTaken = uint32_t{1} << 31;
  std::atomic<uint32_t> readers{0};
  std::atomic<uint32_t> dead_calls{0};
  SlotKind kind = SlotKind::Stub;  // constant
  bool has_fallback = false;
  uint32_t index = 0;        // constant; of its kind
  char owner_name[16] = "";  // cut; for late calls, when the owner may be gone. As the fallback
  union {
    std::byte small[16];
    std::byte* big;  // from malloc
  } fallback{};

  const std::byte* fallback_bytes() const noexcept { return result_size <= sizeof fallback.small ? fallback.small : fallback.big; }
};
static_assert(CW_ARCH_STUBS == 0 || sizeof(Slot) == CW_ARCH_STUB_DATA_BYTES);

// What state says of the callback whose type begins with this.
inline uintptr_t state_of(const cw_abi_callback_type* type) noexcept { return reinterpret_cast<uintptr_t>(type); }

}  // namespace causeway::closure
