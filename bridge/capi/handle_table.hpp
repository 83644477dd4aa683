// SPDX-License-Identifier: MIT
//
// The handles that C holds: 64 bits that are checked at each use, and the table of what they stand for.
//
//   63                44 43  40 39        24 23                    0
//   | check bits, 20    | kind | generation | index of the slot     |
//
// The check bits are a hash of the rest with a secret of this process, so that a number that was never given out is told from one that
// was: a forged one passes with a chance of 2^-20, and then still has to hit a slot in use. They guard against mistakes, not attacks.
//
// Lookup takes no lock: it pins the slot (one exchange), and whoever unpins it last after its removal ends the object. So removing a
// handle never waits and never fails because somebody is using it.
//
//   INV-HT1  While `live` is set or a pin is held, the slot's object stays.
//   INV-HT2  Exactly one caller sees Unpinned::Last for each removal; after release() the slot's generation is one higher.
//   INV-HT3  A slot whose generation cannot rise is never used again, so a stale handle never comes back to life.
//
// Slots are reused oldest first. They are never freed, so a stale pointer into the table stays readable. Not chosen: pointers as handles
// (nothing could be checked); one table per kind (a handle of the wrong kind could not be named as such).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::capi {

// Values are part of handles, which do not leave the process; 0 is none, so that no handle is 0.
enum class HandleKind : uint8_t { Green = 1, Event = 2, Channel = 3, Stack = 4 };

struct alignas(64) HandleSlot {
  static constexpr size_t kStorage = 48;

  // {generation 16, kind 8, live 1, pins 32}; changes by exchange.
  std::atomic<uint64_t> state{0};
  uint32_t index = 0;             // constant
  std::atomic<uint32_t> next{0};  // in a free list: index + 1, or 0
  // The owner's: a pointer, or the object itself if it is small. Written by create() before the handle is published.
  alignas(8) std::byte storage[kStorage]{};

  template <class T>
  T& as() noexcept {
    static_assert(sizeof(T) <= kStorage && alignof(T) <= 8);
    return *reinterpret_cast<T*>(storage);
  }
};

static_assert(sizeof(HandleSlot) == 64);

enum class Unpinned : uint8_t {
  InUse,  // others hold it, or it is live
  Last,   // the object is the caller's to end; then release()
};

class HandleTable {
 public:
  static constexpr uint32_t kMaxSlots = uint32_t{1} << 24;

  constexpr HandleTable() noexcept = default;
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // A slot for an object, not yet visible: fill its storage, then publish() it, or release() it.
  // Errors: CW_E_NOMEM, CW_E_LIMIT. Blocks: shortly. Allocates: sometimes.
  base::Result<HandleSlot*> reserve() noexcept;
  // Makes it live and gives its handle.
  uint64_t publish(HandleSlot& slot, HandleKind kind) noexcept;

  // Pins what `handle` stands for. Pairs with unpin().
  // Errors: CW_E_HANDLE, CW_E_STALE, CW_E_TYPE. Signal-safe: yes.
  cw_status pin(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept;
  // The same, and the handle is stale from now on. One of several such calls wins, the others find it stale.
  cw_status remove(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept;
  // Signal-safe: yes.
  Unpinned unpin(HandleSlot& slot) noexcept;
  // The object is gone: the slot may be used again. Signal-safe: yes.
  void release(HandleSlot& slot) noexcept;

  uint64_t live() const noexcept { return live_.load(std::memory_order_relaxed); }  // relaxed: a statistic

 private:
  static constexpr uint32_t kChunkSlots = 1024;
  static constexpr uint32_t kChunks = kMaxSlots / kChunkSlots;

  cw_status find(uint64_t handle, HandleKind kind, HandleSlot** out) const noexcept;
  HandleSlot* slot_at(uint32_t index) const noexcept;
  cw_status grow_locked() noexcept;

  std::atomic<HandleSlot*> chunks_[kChunks]{};
  std::atomic<uint32_t> slots_{0};  // made so far. release: publishes their chunk
  std::atomic<uint32_t> freed_{0};  // pushed by release(), youngest first: index + 1 of the first, or 0
  std::atomic<uint64_t> live_{0};
  // --- guarded by lock_: the slots to use next, oldest first ---
  base::Lock lock_{base::LockRank::Object};
  uint32_t first_ = 0;  // index + 1, or 0
  uint32_t last_ = 0;
};

// The process's one table.
HandleTable& handles() noexcept;

// What a status of pin() means, for cw_last_error(). Constant text.
const char* handle_error_text(cw_status status) noexcept;

}  // namespace causeway::capi
