// SPDX-License-Identifier: MIT
#include "bridge/capi/handle_table.hpp"

#include <sys/random.h>

#include <cstdlib>
#include <new>

#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

// --- the bits of a handle ---
constexpr unsigned kIndexBits = 24;
constexpr unsigned kKindBits = 4;
constexpr unsigned kTagShift = kIndexBits + kKindBits;
constexpr unsigned kHalfBits = 18;  // of the tag
static_assert(kTagShift + 2 * kHalfBits == 64);
constexpr uint64_t kHalf = (uint64_t{1} << kHalfBits) - 1;
constexpr unsigned kGenerationBits = 16;
constexpr uint64_t kMaxGeneration = (uint64_t{1} << kGenerationBits) - 1;
constexpr int kRounds = 4;

constexpr uint32_t index_of(uint64_t handle) noexcept { return static_cast<uint32_t>(handle & ((uint64_t{1} << kIndexBits) - 1)); }
constexpr uint64_t kind_of(uint64_t handle) noexcept { return handle >> kIndexBits & ((uint64_t{1} << kKindBits) - 1); }

// --- the bits of a slot's state ---
constexpr uint64_t kPinsMask = 0xffffffff;
constexpr uint64_t kLive = uint64_t{1} << 32;
constexpr unsigned kStateKindShift = 40;
constexpr unsigned kStateGenerationShift = 48;
constexpr uint64_t state_generation(uint64_t state) noexcept { return state >> kStateGenerationShift; }

// 0 until the first handle is made; then never 0 and never changed. A handle made before could not be checked.
constinit std::atomic<uint64_t> secret_word{0};

uint64_t secret() noexcept {
  // relaxed: a number that stands for itself.
  const uint64_t known = secret_word.load(std::memory_order_relaxed);
  if (known != 0) [[likely]]
    return known;
  uint64_t made = 0;
  // GRND_NONBLOCK: early in a boot there may be no randomness yet; the clock and the address layout are good enough against mistakes.
  if (getrandom(&made, sizeof made, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof made)) {
    made = os::now_ns() * 0x9e3779b97f4a7c15ULL ^ reinterpret_cast<uintptr_t>(&secret_word);
  }
  made |= 1;
  uint64_t expected = 0;
  return secret_word.compare_exchange_strong(expected, made, std::memory_order_relaxed) ? made : expected;
}

// One round of the permutation: 18 bits out of 18 bits and whatever else is to be bound to them.
uint64_t mix(uint64_t half, uint64_t with) noexcept {
  uint64_t hash = (half + with) * 0x9e3779b97f4a7c15ULL;
  hash ^= hash >> 32;
  hash *= 0xbf58476d1ce4e5b9ULL;
  return hash >> (64 - kHalfBits);
}

// A Feistel network: its own inverse when run backwards, whatever mix() is. The low bits of a handle choose the permutation.
uint64_t key_of(uint64_t low) noexcept { return (secret() ^ low) * 0xff51afd7ed558ccdULL; }

uint64_t encode(HandleKind kind, uint64_t generation, uint32_t index) noexcept {
  const uint64_t low = static_cast<uint64_t>(kind) << kIndexBits | index;
  const uint64_t key = key_of(low);
  uint64_t left = 0;
  uint64_t right = generation;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t mixed = left ^ mix(right, key + static_cast<uint64_t>(round));
    left = right;
    right = mixed;
  }
  return (left << kHalfBits | right) << kTagShift | low;
}

// The generation that the handle was made of, or 0, which none is.
uint64_t generation_of(uint64_t handle) noexcept {
  const uint64_t key = key_of(handle & ((uint64_t{1} << kTagShift) - 1));
  uint64_t left = handle >> (kTagShift + kHalfBits);
  uint64_t right = handle >> kTagShift & kHalf;
  for (int round = kRounds; round-- > 0;) {
    const uint64_t mixed = right ^ mix(left, key + static_cast<uint64_t>(round));
    right = left;
    left = mixed;
  }
  return left == 0 && right <= kMaxGeneration ? right : 0;
}

}  // namespace

constinit HandleTable the_handles;
CW_STATIC_LOCK(the_handles.lock_for_fork());

const char* handle_error_text(cw_status status) noexcept {
  switch (status) {
    case CW_E_HANDLE: return "the handle is not one that this process was given";
    case CW_E_STALE: return "the handle's object was closed, destroyed, joined or detached before";
    case CW_E_TYPE: return "the handle is of another kind";
    default: return cw_status_text(status);
  }
}

inline HandleSlot* HandleTable::slot_at(uint32_t index) const noexcept {
  // relaxed: whoever knows the index has acquired slots_, which was stored after the chunk, or holds the lock.
  return &chunks_[index / kChunkSlots].load(std::memory_order_relaxed)[index % kChunkSlots];
}

cw_status HandleTable::grow_locked() noexcept {
  const uint32_t at = slots_.load(std::memory_order_relaxed);  // relaxed: written under the lock
  if (at == kMaxSlots) return CW_E_LIMIT;
  void* memory = std::aligned_alloc(alignof(HandleSlot), sizeof(HandleSlot) * kChunkSlots);
  if (memory == nullptr) return CW_E_NOMEM;
  auto* chunk = static_cast<HandleSlot*>(memory);
  for (uint32_t i = 0; i < kChunkSlots; ++i) {
    auto* slot = ::new (static_cast<void*>(&chunk[i])) HandleSlot;
    slot->index = at + i;
    slot->state.store(uint64_t{1} << kStateGenerationShift, std::memory_order_relaxed);  // relaxed: published by slots_
    slot->next.store(i + 1 < kChunkSlots ? at + i + 2 : 0, std::memory_order_relaxed);
  }
  // release: its slots; pairs with the acquire in peek().
  chunks_[at / kChunkSlots].store(chunk, std::memory_order_release);
  first_ = at + 1;
  last_ = at + kChunkSlots;
  // release: the chunk and its slots; pairs with the acquire in why().
  slots_.store(at + kChunkSlots, std::memory_order_release);
  return CW_OK;
}

base::Result<HandleSlot*> HandleTable::reserve() noexcept {
  base::LockGuard guard(lock_);
  if (first_ == 0) {
    // All that was released since: youngest first, so it is turned around. acquire: pairs with the release in release().
    uint32_t list = freed_.exchange(0, std::memory_order_acquire);
    last_ = list;
    while (list != 0) {
      HandleSlot* slot = slot_at(list - 1);
      const uint32_t rest = slot->next.load(std::memory_order_relaxed);  // relaxed, also below: the lists have one owner
      slot->next.store(first_, std::memory_order_relaxed);
      first_ = list;
      list = rest;
    }
  }
  if (first_ == 0) {
    if (const cw_status status = grow_locked(); status != CW_OK) {
      return base::Error{status, 0, status == CW_E_LIMIT ? "2^24 handles are in use; close some" : "no memory for another handle"};
    }
  }
  HandleSlot* slot = slot_at(first_ - 1);
  first_ = slot->next.load(std::memory_order_relaxed);
  if (first_ == 0) last_ = 0;
  return slot;
}

uint64_t HandleTable::publish(HandleSlot& slot, HandleKind kind) noexcept {
  const uint64_t generation = state_generation(slot.state.load(std::memory_order_relaxed));  // relaxed: ours alone until the store
  const uint64_t handle = encode(kind, generation, slot.index);
  live_.fetch_add(1, std::memory_order_relaxed);
  // release: the 0 that `word` was before; pairs with the acquire of the state in take().
  slot.state.store(generation << kStateGenerationShift | static_cast<uint64_t>(kind) << kStateKindShift | kLive, std::memory_order_release);
  // release: the slot's storage and state; pairs with the acquire in peek(). INV-HT4
  slot.word.store(handle, std::memory_order_release);
  return handle;
}

cw_status HandleTable::why(uint64_t handle, HandleKind kind) const noexcept {
  const uint64_t generation = generation_of(handle);
  const uint32_t index = index_of(handle);
  // acquire: pairs with the release in grow_locked().
  if (kind_of(handle) == 0 || generation == 0 || index >= slots_.load(std::memory_order_acquire)) return CW_E_HANDLE;
  // relaxed: what is to be told may be over a moment later.
  if (generation > state_generation(slot_at(index)->state.load(std::memory_order_relaxed))) return CW_E_HANDLE;
  return kind_of(handle) == static_cast<uint64_t>(kind) ? CW_E_STALE : CW_E_TYPE;
}

// Exchanges the state of a live handle's slot for next(state).
template <class Next>
cw_status HandleTable::take(uint64_t handle, HandleKind kind, HandleSlot** out, Next next) noexcept {
  HandleSlot* slot = peek(handle, kind);
  while (slot != nullptr) {
    // acquire: `word` is read after it. If the exchange finds the same state, that word was of this state. INV-HT1
    uint64_t state = slot->state.load(std::memory_order_acquire);
    if ((state & kLive) == 0 || !unchanged(*slot, handle)) break;
    // acquire: what was done before the last unpin.
    if (slot->state.compare_exchange_weak(state, next(state), std::memory_order_acquire, std::memory_order_relaxed)) {
      *out = slot;
      return CW_OK;
    }
  }
  return why(handle, kind);
}

cw_status HandleTable::pin(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept {
  return take(handle, kind, out, [](uint64_t state) noexcept { return state + 1; });
}

cw_status HandleTable::pin_held(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept {
  const cw_status status = pin(handle, kind, out);
  if (status != CW_E_STALE) return status;
  HandleSlot* slot = slot_at(index_of(handle));
  uint64_t state = slot->state.load(std::memory_order_relaxed);  // checked by the exchange
  do {
    if (state_generation(state) != generation_of(handle) || (state & kPinsMask) == 0) return CW_E_STALE;
    // acquire: as in take(). With somebody's pin there the object is, INV-HT1.
  } while (!slot->state.compare_exchange_weak(state, state + 1, std::memory_order_acquire, std::memory_order_relaxed));
  *out = slot;
  return CW_OK;
}

cw_status HandleTable::remove(uint64_t handle, HandleKind kind, HandleSlot** out) noexcept {
  // One pin comes, live goes. INV-HT2
  const cw_status status = take(handle, kind, out, [](uint64_t state) noexcept { return (state & ~kLive) + 1; });
  if (status != CW_OK) return status;
  (*out)->word.store(0, std::memory_order_relaxed);  // relaxed: INV-HT4 is kept by the release stores into `shared`
  live_.fetch_sub(1, std::memory_order_relaxed);
  return CW_OK;
}

void HandleTable::restore(HandleSlot& slot, HandleKind kind) noexcept {
  const uint64_t state = slot.state.fetch_or(kLive, std::memory_order_relaxed);  // relaxed: the object is as it was
  live_.fetch_add(1, std::memory_order_relaxed);
  slot.word.store(encode(kind, state_generation(state), slot.index), std::memory_order_release);
}

Unpinned HandleTable::unpin(HandleSlot& slot) noexcept {
  // release: what we did to the object; acquire: what the others did, for who ends it. INV-HT2
  const uint64_t before = slot.state.fetch_sub(1, std::memory_order_acq_rel);
  CW_DCHECK((before & kPinsMask) != 0, "a handle is unpinned as often as it was pinned");
  return (before & kPinsMask) == 1 && (before & kLive) == 0 ? Unpinned::Last : Unpinned::InUse;
}

void HandleTable::release(HandleSlot& slot) noexcept {
  const uint64_t generation = state_generation(slot.state.load(std::memory_order_relaxed));  // relaxed: nobody can pin it any more
  if (generation == kMaxGeneration) return;                                                  // INV-HT3
  sched::poison::freed(slot.storage, sizeof slot.storage);
  slot.state.store((generation + 1) << kStateGenerationShift, std::memory_order_relaxed);
  uint32_t first = freed_.load(std::memory_order_relaxed);
  do {
    slot.next.store(first, std::memory_order_relaxed);
    // release: the slot as it is now; pairs with the acquire in reserve(). Nobody takes single slots from this list, so there is no ABA.
  } while (!freed_.compare_exchange_weak(first, slot.index + 1, std::memory_order_release, std::memory_order_relaxed));
}

}  // namespace causeway::capi
