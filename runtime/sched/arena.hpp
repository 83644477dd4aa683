// SPDX-License-Identifier: MIT
//
// Where the records of green threads live: chunks of 4 MiB, found again by index, never moved and never freed while the runtime is up.
//
// A stale pointer or handle can therefore always be read. Fresh records are handed out in address order and constructed then, so untouched
// ones cost address space only. Ps take and give back records in batches.
//
// A task may outlive the runtime that ran it: if records are still held when the runtime stops, the arena is orphaned, and whoever
// recycles the last of them frees it.
//
//   INV-AR1  A record is in exactly one place: never used, in a free list, in use, or held after its end.
//   INV-AR2  Generations start above those of every earlier arena: a handle of an earlier run is stale, never wrong.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/sched/green.hpp"

namespace causeway::sched {

class Arena {
 public:
  static constexpr size_t kChunkBytes = size_t{4} << 20;
  static constexpr uint32_t kMaxChunks = 1u << 16;
  static constexpr size_t kHeaderBytes = 64;
  static constexpr uint32_t kPerChunk = static_cast<uint32_t>((kChunkBytes - kHeaderBytes) / sizeof(G));

  // Null when there is no memory.
  static Arena* create() noexcept;
  // The arena of a record.
  static Arena& of(const G* g) noexcept;

  // A list of up to n records linked by next, state Free; *got says how many. Null: out of memory.
  // Blocks: briefly (lock of rank Stack). Allocates: a chunk now and then.
  G* take(uint32_t n, uint32_t* got) noexcept;
  // Takes back a list.
  void give_back(G* first, G* last, uint32_t n) noexcept;

  // By index; null when there was never such a record. Signal-safe: yes.
  G* at(uint32_t index) const noexcept;
  // How many were ever handed out: indices below it exist. Signal-safe: yes.
  uint32_t used() const noexcept { return used_.load(std::memory_order_acquire); }

  // At the end of the runtime, when all free lists were given back. Frees the arena, or leaves that to the last recycle().
  void retire() noexcept;
  // A record whose last reference went away after retire() began. True: it was taken care of here.
  bool recycle_orphan(G* g) noexcept;

  // In a child of fork(): nobody runs what is in it, and its lock may be taken for ever. It stays, as a stack may lead back to it.
  void lose() noexcept { lost_ = true; }
  // One of its green threads that has not ended will not.
  bool lost() const noexcept { return lost_; }

 private:
  friend struct ArenaOffsets;
  struct Chunk;
  Arena() noexcept = default;
  ~Arena();
  bool grow_locked() noexcept;

  base::Lock lock_{base::LockRank::Stack};
  // --- guarded by lock_ ---
  G* free_ = nullptr;
  uint32_t free_count_ = 0;
  uint32_t chunks_ = 0;
  // --- published by used_ (release): entries below used_ / kPerChunk do not change ---
  std::atomic<uint32_t> used_{0};
  std::byte** directory_ = nullptr;
  uint32_t first_generation_ = 1;
  // --- set by retire() ---
  std::atomic<bool> orphaned_{false};
  std::atomic<uint32_t> held_{0};
  bool lost_ = false;  // written while the process has one thread
};

// For layout.hpp.
struct ArenaOffsets {
  static constexpr size_t kUsed = offsetof(Arena, used_), kDirectory = offsetof(Arena, directory_);
};

}  // namespace causeway::sched
