// SPDX-License-Identifier: MIT
#include "runtime/sched/arena.hpp"

#include <new>

#include "runtime/os/os.hpp"

namespace causeway::sched {

// At the start of each chunk, which is aligned to its size.
struct alignas(64) Arena::Chunk {
  Arena* arena;
};

namespace {

constexpr size_t kDirectoryBytes = Arena::kMaxChunks * sizeof(std::byte*);

// Above the generation of every record of every arena of this process. Guarded by the runtime's own start and stop.
std::atomic<uint32_t> next_first_generation{1};

}  // namespace

Arena* Arena::create() noexcept {
  void* directory = os::map_reserve(kDirectoryBytes);
  if (directory == nullptr) return nullptr;
  auto* arena = new (std::nothrow) Arena;
  if (arena == nullptr) {
    os::unmap(directory, kDirectoryBytes);
    return nullptr;
  }
  arena->directory_ = static_cast<std::byte**>(directory);
  arena->first_generation_ = next_first_generation.load(std::memory_order_relaxed);  // relaxed: starts exclude each other
  return arena;
}

Arena::~Arena() {
  for (uint32_t i = 0; i < chunks_; ++i) os::unmap(directory_[i], kChunkBytes);
  os::unmap(directory_, kDirectoryBytes);
}

Arena& Arena::of(const G* g) noexcept {
  const uintptr_t base = reinterpret_cast<uintptr_t>(g) & ~(kChunkBytes - 1);
  return *reinterpret_cast<const Chunk*>(base)->arena;
}

G* Arena::at(uint32_t index) const noexcept {
  if (index >= used()) return nullptr;
  std::byte* chunk = directory_[index / kPerChunk];
  return std::launder(reinterpret_cast<G*>(chunk + kHeaderBytes + (index % kPerChunk) * sizeof(G)));
}

bool Arena::grow_locked() noexcept {
  if (chunks_ == kMaxChunks) return false;
  auto* raw = static_cast<std::byte*>(os::map_reserve(2 * kChunkBytes));
  if (raw == nullptr) return false;
  const uintptr_t at = reinterpret_cast<uintptr_t>(raw);
  const size_t skip = static_cast<size_t>(((at + kChunkBytes - 1) & ~(kChunkBytes - 1)) - at);
  if (skip != 0) os::unmap(raw, skip);
  if (skip != kChunkBytes) os::unmap(raw + skip + kChunkBytes, kChunkBytes - skip);
  new (raw + skip) Chunk{this};
  directory_[chunks_++] = raw + skip;
  return true;
}

G* Arena::take(uint32_t n, uint32_t* got) noexcept {
  base::LockGuard guard(lock_);
  G* first = nullptr;
  uint32_t count = 0;
  while (count < n && free_ != nullptr) {
    G* g = free_;
    free_ = g->next;
    --free_count_;
    g->next = first;
    first = g;
    ++count;
  }
  while (count < n) {
    const uint32_t index = used_.load(std::memory_order_relaxed);  // relaxed: only written under lock_
    if (index == chunks_ * kPerChunk && !grow_locked()) break;
    G* g = new (directory_[index / kPerChunk] + kHeaderBytes + (index % kPerChunk) * sizeof(G)) G;
    g->index = index;
    g->parker.g = g;
    g->generation.store(first_generation_ & ~1u, std::memory_order_relaxed);
    g->next = first;
    first = g;
    ++count;
    // release: publishes the record and the directory entry to at().
    used_.store(index + 1, std::memory_order_release);
  }
  *got = count;
  return first;
}

void Arena::give_back(G* first, G* last, uint32_t n) noexcept {
  base::LockGuard guard(lock_);
  last->next = free_;
  free_ = first;
  free_count_ += n;
}

void Arena::retire() noexcept {
  uint32_t highest = first_generation_;
  for (uint32_t i = 0; i < used(); ++i) {
    const uint32_t generation = at(i)->generation.load(std::memory_order_relaxed);  // relaxed: nothing starts any more
    if (generation > highest) highest = generation;
  }
  next_first_generation.store((highest | 1u) + 1, std::memory_order_relaxed);  // INV-AR2
  uint32_t held;
  {
    base::LockGuard guard(lock_);
    held = used_.load(std::memory_order_relaxed) - free_count_;
    // relaxed: the release below publishes it. One more than are held: our own part in it, given up below.
    held_.store(held + 1, std::memory_order_relaxed);
    orphaned_.store(true, std::memory_order_release);
  }
  // acq_rel: the last one sees what all others did to their records.
  if (held_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

bool Arena::recycle_orphan(G*) noexcept {
  // acquire: pairs with retire(); held_ is set.
  if (!orphaned_.load(std::memory_order_acquire)) return false;
  if (held_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  return true;
}

}  // namespace causeway::sched
