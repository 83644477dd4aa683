// SPDX-License-Identifier: MIT
//
// The handles that C holds: 64 bits that are checked at each use, and the table of what they stand for.
//
//   63                       28 27  24 23                    0
//   | tag, 36                  | kind | index of the slot     |
//
// The tag is the slot's generation and 20 bits of 0, permuted with a secret of this process, the kind and the index. So a number that was
// never given out is told from one that was: a guess at a slot in use hits with a chance of 2^-36, a guess that passes for an older handle
// of it with at most 2^-20. They guard against mistakes, not attacks.
//
// A slot holds its handle while it is live, so that a lookup is one compare. Two ways to use what it stands for:
//
//   pin, unpin       one exchange each; whoever unpins last after the removal ends the object, so that a removal never waits.
//   peek, unchanged  loads only, for kinds whose objects are kept alive in another way: the words of `shared` are read between the two.
//
//   INV-HT1  While `live` is set or a pin is held, the slot's object stays.
//   INV-HT2  Exactly one caller sees Unpinned::Last for each removal; after release() the slot's generation is one higher.
//   INV-HT3  A slot whose generation cannot rise is never used again, so a stale handle never comes back to life.
//   INV-HT4  `word` is the handle from publish() to remove(), else 0; what was in `shared` changes after that 0 only.
//
// Slots are reused oldest first. They are never freed, so a stale pointer into the table stays readable. Not chosen: pointers as handles
// (nothing could be checked); one table per kind (a handle of the wrong kind could not be named as such); generation and hash side by side
// (20 bits of hash: a neighbour of a live handle passes once in a million).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::capi {

// Values are part of handles, which do not leave the process; 0 is none, so that no handle is 0.
enum class HandleKind : uint8_t {
  Green = 1,
  Event = 2,
  Channel = 3,
  Stack = 4,
  Function = 5,
  User = 6,
  Callback = 8,
  CallbackData = 9,
  Owner = 10
};

struct alignas(64) HandleSlot {
  static constexpr size_t kStorage = 24;

  // {generation 16, kind 8, live 1, pins 32}; changes by exchange.
  std::atomic<uint64_t> state{0};
  std::atomic<uint64_t> word{0};  // INV-HT4
  uint32_t index = 0;             // constant
  std::atomic<uint32_t> next{0};  // in a free list: index + 1, or 0
  // What peek() is for. Stored (release) before publish(), loaded (acquire) between peek() and unchanged(). Kinds without use leave it alone.
  std::atomic<uint64_t> shared[2]{};
  // The owner's: a pointer, or the object itself if it is small. Written before the handle is published.
  alignas(8) std::byte storage[kStorage]{};

  template <class T>
  T& as() noexcept {
    static_assert(sizeof(T) <= kStorage && alignof(T) <= 8);  // NOLINT(bugprone-sizeof-expression): T may be a pointer
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

  // The slot of a live handle, or null: then why() has the status. Loads only. Pairs with unchanged(). Signal-safe: yes.
  HandleSlot* peek(uint64_t handle, HandleKind kind) const noexcept;
  // True: what was loaded from `shared` since peek() belongs to this handle. Signal-safe: yes.
  static bool unchanged(const HandleSlot& slot, uint64_t handle) noexcept {
    // relaxed: the loads of `shared` before are acquires, so a value that came after INV-HT4's 0 brings that 0, or a later handle, with it.
    return slot.word.load(std::memory_order_relaxed) == handle;
  }
  // What is wrong with a handle that was not found: CW_E_HANDLE, CW_E_STALE, CW_E_TYPE. Signal-safe: yes.
  cw_status why(uint64_t handle, HandleKind kind) const noexcept;

  // Pins what `handle` stands for. Pairs with unpin().
  // Errors: CW_E_HANDLE, CW_E_STALE, CW_E_TYPE. Signal-safe: yes.
  cw_status pin(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept;
  // As pin(), also after the removal, as long as the slot was not released since: while somebody else has a pin, that is.
  cw_status pin_held(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept;
  // As pin(), and the handle is stale from now on. One of several such calls wins, the others find it stale.
  cw_status remove(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept;
  // Takes a removal back, as long as the caller has not unpinned: the handle is good again, and that pin stays.
  void restore(HandleSlot& slot, HandleKind kind) noexcept;
  // Signal-safe: yes.
  Unpinned unpin(HandleSlot& slot) noexcept;
  // The object is gone: the slot may be used again. Signal-safe: yes.
  void release(HandleSlot& slot) noexcept;

  constexpr base::Lock& lock_for_fork() noexcept { return lock_; }

  uint64_t live() const noexcept { return live_.load(std::memory_order_relaxed); }  // relaxed: a statistic

 private:
  static constexpr unsigned kIndexBits = 24;
  static constexpr unsigned kKindBits = 4;
  static constexpr uint32_t kChunkSlots = 1024;
  static constexpr uint32_t kChunks = kMaxSlots / kChunkSlots;

  template <class Next>
  cw_status take(uint64_t handle, HandleKind kind, HandleSlot** out, Next next) noexcept;
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

inline HandleSlot* HandleTable::peek(uint64_t handle, HandleKind kind) const noexcept {
  const uint32_t index = static_cast<uint32_t>(handle) & (kMaxSlots - 1);
  // acquire: the chunk's slots; pairs with the release in grow_locked().
  HandleSlot* chunk = chunks_[index / kChunkSlots].load(std::memory_order_acquire);
  if (chunk == nullptr || (handle >> kIndexBits & ((1U << kKindBits) - 1)) != static_cast<uint64_t>(kind)) [[unlikely]]
    return nullptr;
  HandleSlot* slot = &chunk[index % kChunkSlots];
  // acquire: what publish() published.
  return slot->word.load(std::memory_order_acquire) == handle ? slot : nullptr;  // kind is not 0, so handle is not
}

// The process's one table.
extern constinit HandleTable the_handles;
inline HandleTable& handles() noexcept { return the_handles; }

// What a status of pin() means, for cw_last_error(). Constant text.
const char* handle_error_text(cw_status status) noexcept;

}  // namespace causeway::capi
