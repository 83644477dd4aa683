// SPDX-License-Identifier: MIT
#include "bridge/closure/slots.hpp"

#include <cerrno>
#include <cstdlib>
#include <new>

#include "bridge/closure/closure.hpp"
#include "bridge/closure/idle.hpp"
#include "runtime/os/os.hpp"

namespace causeway::closure {

constinit std::atomic<Slot*> data_chunks[kMaxDataSlots / kDataChunk]{};

namespace {

constexpr uint32_t kBuckets = 16;
constexpr uint32_t kLook = 8;  // slots of other signatures that share a bucket are looked over, that many

// Dead slots, the oldest first.
struct Dead {
  Slot* first = nullptr;
  Slot* last = nullptr;

  void push(Slot* slot) noexcept {
    slot->next = nullptr;
    (last != nullptr ? last->next : first) = slot;
    last = slot;
  }
  // After `before`, or the first.
  Slot* take_after(Slot* before) noexcept {
    Slot* slot = before != nullptr ? before->next : first;
    (before != nullptr ? before->next : first) = slot->next;
    if (last == slot) last = before;
    return slot;
  }
};

struct Slots {
  base::Lock lock{base::LockRank::Object};
  // --- guarded by lock ---
  Dead dead[kBuckets];
  uint64_t deaths = 0;
  std::byte* next = nullptr;  // never used, of the youngest table or chunk
  uint32_t left = 0;
  uint32_t made = 0;
};
constinit Slots stubs, datas;
CW_STATIC_LOCK(stubs.lock);
CW_STATIC_LOCK(datas.lock);

Slots& of(SlotKind kind) noexcept { return kind == SlotKind::Stub ? stubs : datas; }

Dead& bucket(Slots& slots, const void* signature) noexcept {
  return slots.dead[(reinterpret_cast<uintptr_t>(signature) * 0x9e3779b97f4a7c15ULL) >> 60];
}

Slot* take_from(Dead& dead, const void* signature_or_any) noexcept {
  Slot* before = nullptr;
  uint32_t looked = 0;
  for (Slot* each = dead.first; each != nullptr && looked < kLook; before = each, each = each->next, ++looked)
    if ((signature_or_any == nullptr || each->signature == signature_or_any) && claim_slot(*each)) return dead.take_after(before);
  return nullptr;
}

Slot* take_dead_locked(Slots& slots, const void* signature) noexcept {
  if (Slot* slot = take_from(bucket(slots, signature), signature)) return slot;
  Dead* oldest = nullptr;
  for (Dead& each : slots.dead)
    if (each.first != nullptr && (oldest == nullptr || each.first->died < oldest->first->died)) oldest = &each;
  return oldest != nullptr ? take_from(*oldest, nullptr) : nullptr;
}

base::Result<void> more_stubs_locked() noexcept {
#if CW_ARCH_STUBS == 0
  return base::fail(CW_E_UNSUPPORTED,
                    "callbacks with state need code for each of them, which this CPU's layer does not have; use an entry or user data");
#else
  constexpr size_t kCode = size_t{CW_ARCH_STUBS} * CW_ARCH_STUB_BYTES, kData = size_t{CW_ARCH_STUBS} * CW_ARCH_STUB_DATA_BYTES;
  std::byte* data = cw_arch_stub_data;
  if (stubs.made != 0) {
    std::byte* code = nullptr;
    switch (os::map_code_again(cw_arch_stubs, kCode, cw_arch_stub_data, kData, &code)) {
      case os::CodePages::Mapped: break;
      case os::CodePages::NoMemory: return base::fail(CW_E_NOMEM, "no memory for another table of code pointers");
      case os::CodePages::Refused:
        return base::Error{
            CW_E_EXECMEM, errno,
            "all code pointers of the library's own table are in use, and the system lets it map no more code; close some callbacks"};
      case os::CodePages::NoFile:
        return base::fail(
            CW_E_EXECMEM,
            "all code pointers of the library's own table are in use, and the file that it was loaded from cannot be mapped again (moved, "
            "replaced, or not there); close some callbacks");
    }
    data = code + (cw_arch_stub_data - reinterpret_cast<std::byte*>(const_cast<std::byte*>(cw_arch_stubs)));
  }
  // Callers that are compiled with a check of function types (clang's -fsanitize=function) read the bytes before the function that they call: before
  // the first stub of a mapped table there is nothing.
  const uint32_t unused = stubs.made != 0 ? 1 : 0;
  stubs.next = data + unused * size_t{CW_ARCH_STUB_DATA_BYTES};
  stubs.left = CW_ARCH_STUBS - unused;
  stubs.made += unused;  // an index says which place of its table a slot has
  return {};
#endif
}

base::Result<void> more_data_locked() noexcept {
  if (datas.made == kMaxDataSlots) return base::fail(CW_E_LIMIT, "2^24 callbacks with user data are in use; close some");
  void* memory = os::map_reserve(kDataChunk * sizeof(Slot));
  if (memory == nullptr) return base::fail(CW_E_NOMEM, "no memory for another callback");
  datas.next = static_cast<std::byte*>(memory);
  datas.left = kDataChunk;
  return {};
}

Slot* take_new_locked(Slots& slots, SlotKind kind) noexcept {
  auto* slot = ::new (static_cast<void*>(slots.next)) Slot;
  slots.next += sizeof(Slot);
  --slots.left;
  slot->kind = kind;
  slot->index = slots.made++;
  // release: the slot; pairs with the acquire in data_slot(). The chunk is zero pages, which are free slots.
  if (kind == SlotKind::Data && slot->index % kDataChunk == 0) data_chunks[slot->index / kDataChunk].store(slot, std::memory_order_release);
  return slot;
}

}  // namespace

base::Result<Slot*> take_slot(SlotKind kind, const void* signature) noexcept {
  Slots& slots = of(kind);
  {
    base::LockGuard guard(slots.lock);
    if (slots.made == 0 && kind == SlotKind::Stub && CW_ARCH_STUBS != 0) static_cast<void>(more_stubs_locked());
    if (slots.left != 0) return take_new_locked(slots, kind);
    if (Slot* slot = take_dead_locked(slots, signature)) return slot;
  }
  settle();  // those that were closed and wait for their calls to end: some may have
  base::LockGuard guard(slots.lock);
  if (Slot* slot = take_dead_locked(slots, signature)) return slot;
  if (slots.left == 0)
    if (auto more = kind == SlotKind::Stub ? more_stubs_locked() : more_data_locked(); !more) return more.error();
  return take_new_locked(slots, kind);
}

void give_back_slot(Slot* slot) noexcept {
  Slots& slots = of(slot->kind);
  base::LockGuard guard(slots.lock);
  slot->died = ++slots.deaths;
  bucket(slots, slot->signature).push(slot);
}

void (*code_of(const Slot* slot) noexcept)(void) {
  // A table begins where its first slot is, at the same distance as the image's.
  const size_t place = slot->index % (CW_ARCH_STUBS != 0 ? CW_ARCH_STUBS : 1);
  const std::byte* data = reinterpret_cast<const std::byte*>(slot) - place * sizeof(Slot);
  const std::byte* code = data - (cw_arch_stub_data - const_cast<std::byte*>(cw_arch_stubs));
  return reinterpret_cast<void (*)(void)>(reinterpret_cast<uintptr_t>(code + place * CW_ARCH_STUB_BYTES));
}

}  // namespace causeway::closure
