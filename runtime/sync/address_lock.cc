// SPDX-License-Identifier: MIT
#include "runtime/sync/address_lock.hpp"

#include <cstddef>
#include <cstdint>

namespace causeway::sync {

namespace {

// 128: many times the processors that contend at one moment; 8 KiB.
constexpr size_t kLocks = 128;

struct alignas(64) Entry {
  base::Lock lock{base::LockRank::Object};
};

constinit Entry table[kLocks];
CW_STATIC_LOCK_ARRAY(table[0].lock, kLocks, sizeof(Entry));

}  // namespace

base::Lock& address_lock(const void* object) noexcept {
  // Fibonacci hashing: the high bits depend on all bits of the address.
  const uint64_t hash = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(object)) * 0x9e3779b97f4a7c15ULL;
  return table[hash >> 57].lock;
}

}  // namespace causeway::sync
