// SPDX-License-Identifier: MIT
//
// Mapping slabs, and the arithmetic between addresses and slots.
#include "runtime/stack/slab.hpp"

#include <bit>
#include <cerrno>
#include <new>

#include "runtime/os/os.hpp"

namespace causeway::stack {
namespace {

constexpr uint32_t kMaxSlabs = UINT16_MAX - 1;  // index + 1 fits a directory entry, and kNoSlot is no slot
constexpr size_t kSmallestSlab = size_t{4} << 20;
constexpr size_t kLargestSlab = size_t{1} << 30;
constexpr size_t kLargestGuard = size_t{16} << 20;

constexpr size_t round_up(size_t value, size_t unit) noexcept { return (value + unit - 1) / unit * unit; }

}  // namespace

base::Result<void> SlabTable::start(size_t slab_bytes, size_t guard_bytes) noexcept {
  if (!std::has_single_bit(slab_bytes) || slab_bytes < kSmallestSlab || slab_bytes > kLargestSlab)
    return base::fail(CW_E_INVALID, "slab_bytes must be a power of two from 4 MiB to 1 GiB");
  page_bytes_ = os::page_size();
  if (guard_bytes == 0) guard_bytes = page_bytes_;
  if (guard_bytes > kLargestGuard) return base::fail(CW_E_INVALID, "guard_size is above 16 MiB");
  guard_bytes_ = round_up(guard_bytes, page_bytes_);
  for (size_t i = 0; i < kClasses; ++i) stack_bytes_[i] = round_up(class_bytes(static_cast<StackClass>(i)), page_bytes_);
  page_shift_ = static_cast<unsigned>(std::countr_zero(page_bytes_));
  shift_ = static_cast<unsigned>(std::countr_zero(slab_bytes));
  if (guard_bytes_ + kLargestStackBytes + page_bytes_ > slab_bytes)
    return base::fail(CW_E_INVALID, "guard_size is too large for slab_bytes: not one stack of 1 MiB fits a slab");

  directory_bytes_ = (size_t{1} << (kAddressBits - shift_)) * sizeof(std::atomic<uint16_t>);
  void* directory = os::map_reserve(directory_bytes_);
  void* slabs = directory == nullptr ? nullptr : os::map_reserve(kMaxSlabs * sizeof(Slab));
  if (slabs == nullptr) {
    const int error = errno;
    if (directory != nullptr) os::unmap(directory, directory_bytes_);
    return base::fail(CW_E_NOMEM, "no address space for the stack tables: raise RLIMIT_AS", error);
  }
  directory_ = static_cast<std::atomic<uint16_t>*>(directory);  // fresh pages are zero: no slab anywhere
  slabs_ = static_cast<Slab*>(slabs);
  return {};
}

void SlabTable::stop() noexcept {
  if (slabs_ == nullptr) return;
  for (uint32_t i = 0; i < count(); ++i) os::unmap(slabs_[i].base, slab_bytes());
  count_.store(0, std::memory_order_relaxed);  // relaxed: nobody else has the table any more
  os::unmap(slabs_, kMaxSlabs * sizeof(Slab));
  os::unmap(directory_, directory_bytes_);
  slabs_ = nullptr;
  directory_ = nullptr;
}

// The slab size at a multiple of it. Slabs follow one another downwards, so the plain mapping mostly has the place already; else
// twice as much is reserved and the ends are given back.
void* SlabTable::map_aligned() noexcept {
  const size_t bytes = slab_bytes();
  void* plain = os::map_reserve(bytes);
  if (plain == nullptr) return nullptr;
  if ((reinterpret_cast<uintptr_t>(plain) & (bytes - 1)) == 0) return plain;
  os::unmap(plain, bytes);

  auto* wide = static_cast<std::byte*>(os::map_reserve(2 * bytes));
  if (wide == nullptr) return nullptr;
  const size_t before = (bytes - (reinterpret_cast<uintptr_t>(wide) & (bytes - 1))) & (bytes - 1);
  if (before > 0) os::unmap(wide, before);
  os::unmap(wide + before + bytes, bytes - before);
  return wide + before;
}

base::Result<Slab*> SlabTable::add(StackClass stack_class) noexcept {
  base::LockGuard guard(lock_);
  const uint32_t index = count_.load(std::memory_order_relaxed);  // relaxed: written under this lock
  if (index == kMaxSlabs) return base::fail(CW_E_NOMEM, "all stack slabs are in use: raise slab_bytes");
  auto* memory = static_cast<std::byte*>(map_aligned());
  if (memory == nullptr)
    return base::fail(CW_E_NOMEM, "mapping a stack slab failed: raise RLIMIT_AS or vm.overcommit_memory, or lower slab_bytes", errno);
  if ((reinterpret_cast<uintptr_t>(memory) >> kAddressBits) != 0) {
    os::unmap(memory, slab_bytes());
    return base::fail(CW_E_NOMEM, "the kernel maps stack slabs above 2^48");
  }
  os::advise_no_huge(memory, slab_bytes());  // before the first touch: neighbours must not become one resident 2 MiB page

  const size_t stride = guard_bytes_ + stack_bytes(stack_class);
  size_t slots = slab_bytes() / (stride + sizeof(SlotRecord));
  while (round_up(slots * sizeof(SlotRecord), page_bytes_) + slots * stride > slab_bytes()) --slots;
  CW_CHECK(slots > 0 && slots < UINT16_MAX, "a slab holds 1 to 65534 slots");

  Slab* slab = new (&slabs_[index]) Slab{};
  slab->base = memory;
  slab->records = reinterpret_cast<SlotRecord*>(memory);
  slab->slots = static_cast<uint32_t>(slots);
  slab->first_page = static_cast<uint32_t>(round_up(slots * sizeof(SlotRecord), page_bytes_) >> page_shift_);
  slab->stride_pages = static_cast<uint32_t>(stride >> page_shift_);
  // Exact for every page number p of a slab: p < 2^18 and stride < 2^14, so p * (ceil - exact) stays below one slot's 2^32 / stride.
  slab->reciprocal = static_cast<uint32_t>(((uint64_t{1} << 32) + slab->stride_pages - 1) / slab->stride_pages);
  slab->index = static_cast<uint16_t>(index);
  slab->stack_class = stack_class;
  // release: publishes the descriptor; pairs with the acquire in slab_at() and in count(). INV-SL1.
  directory_[reinterpret_cast<uintptr_t>(memory) >> shift_].store(static_cast<uint16_t>(index + 1), std::memory_order_release);
  count_.store(index + 1, std::memory_order_release);
  return slab;
}

Lookup SlabTable::lookup(uintptr_t address) const noexcept {
  Lookup result;
  const Slab* slab = slab_at(address);
  if (slab == nullptr) return result;
  const uint64_t page = (address - reinterpret_cast<uintptr_t>(slab->base)) >> page_shift_;
  if (page < slab->first_page) return result;
  const uint32_t slot = slot_of_page(*slab, page - slab->first_page);
  if (slot >= slab->slots) return result;
  const SlotId id = (SlotId{slab->index} << 16) | slot;
  result.found = true;
  result.stack_class = slab->stack_class;
  result.stack.low = low_of(id);
  result.stack.high = result.stack.low + stack_bytes(slab->stack_class);
  result.is_guard = address < reinterpret_cast<uintptr_t>(result.stack.low);
  // relaxed: a hint, nothing is read behind it.
  result.bound = slab->records[slot].state.load(std::memory_order_relaxed) == SlotState::Bound;
  return result;
}

}  // namespace causeway::stack
