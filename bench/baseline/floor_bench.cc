// SPDX-License-Identifier: MIT
//
// Rows parked/*: the floor under a parked green thread: a page touched for the first time and a guard installed, each.
//
// No scheduler, no record, no switch: slots of 64 KiB and a guard page in slabs of 256 MiB, as the library lays them out. In each
// slot the guard page gets a light guard (where the kernel has them, else PROT_NONE) and the top page is written. As many threads
// as the row has processors share the work, because the library's workers share it too.
//
// Row warm/all-p is a helper of bench/run and prints nothing: it touches as much memory as the parked rows need and ends.
#include "bench/common/bench.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSlot = 64 * 1024 + kPage;
constexpr std::size_t kSlab = 256UL * 1024 * 1024;
constexpr std::size_t kSlotsPerSlab = kSlab / kSlot;
constexpr int kMadvGuardInstall = 102;  // MADV_GUARD_INSTALL, Linux 6.13; older headers lack the name

// Sets up one slab's first `slots` slots. False when the kernel refuses.
bool fill_slab(std::size_t slots) {
  void* memory = mmap(nullptr, kSlab, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) { return false; }
  madvise(memory, kSlab, MADV_NOHUGEPAGE);
  auto* slot = static_cast<std::byte*>(memory);
  for (std::size_t i = 0; i < slots; ++i, slot += kSlot) {
    if (madvise(slot, kPage, kMadvGuardInstall) != 0 && mprotect(slot, kPage, PROT_NONE) != 0) { return false; }
    *reinterpret_cast<volatile std::byte*>(slot + kSlot - 64) = std::byte{1};
  }
  return true;
}

// Runs `work` on as many threads as the row has processors.
template <class Work>
void share(const bench::Run& run, const Work& work) {
  std::vector<std::jthread> helpers;
  for (unsigned i = 1; i < run.processors; ++i) { helpers.emplace_back(work); }
  work();
}

// Touches 5 GiB, or half of what is available if that is less.
void warm(const bench::Run& run) {
  const long pages = std::min(5L << 18, sysconf(_SC_AVPHYS_PAGES) / 2);
  const auto bytes = static_cast<std::size_t>(pages) * kPage / run.processors;
  share(run, [bytes] {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) { return; }
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += kPage) { static_cast<volatile std::byte*>(memory)[at] = std::byte{1}; }
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  if (run.subject == "warm") {
    warm(run);
    return 0;
  }
  if (run.subject != "parked") { bench::unknown_row(run); }
  const std::size_t count = run.smoke ? 2 * kSlotsPerSlab : 1'000'000;
  const std::size_t slabs = (count + kSlotsPerSlab - 1) / kSlotsPerSlab;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    // relaxed: the counter only deals out numbers; the joins below order everything else.
    for (std::size_t i = next.fetch_add(1, std::memory_order_relaxed); i < slabs; i = next.fetch_add(1, std::memory_order_relaxed)) {
      if (!fill_slab(std::min(kSlotsPerSlab, count - i * kSlotsPerSlab))) {
        failed = true;
        return;
      }
    }
  };
  const std::uint64_t before = bench::resident_bytes();
  const std::uint64_t start = bench::now_ns();
  share(run, work);
  const auto taken = static_cast<double>(bench::now_ns() - start);
  if (failed) {
    std::fprintf(stderr, "a slab could not be set up: %s\n", std::strerror(errno));
    return 1;
  }
  const auto bytes = static_cast<double>(bench::resident_bytes() - before);
  bench::print(run, "floor", taken / static_cast<double>(count), bytes / static_cast<double>(count));
  return 0;
}
