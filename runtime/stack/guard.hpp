// SPDX-License-Identifier: MIT
//
// How the range below a stack is closed.
//
//   Light    guard markers in the page table (MADV_GUARD_INSTALL, Linux 6.13): no mapping of their own, they survive MADV_DONTNEED.
//   Protect  PROT_NONE: splits the slab's mapping, about two mappings per guard, so only within a budget.
//   Watch    the kernel closes nothing: the range below the stack must still be zero when the stack is released. An overflow is then
//            reported late, but it is reported. The range is read, never written, so it costs no page.
//
// Light guards are believed only by their effect: an emulator answers 0 to the madvise and guards nothing.
//
// Not chosen: a canary word inside the stack (writing it makes one more page resident per stack; one word is stepped over by a frame
// with a hole in it); a userfaultfd (a descriptor and a thread for what two words in a page table do).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace causeway::stack {

enum class GuardKind : uint8_t { Light, Protect, Watch };

// Guards installed by one call at most.
inline constexpr size_t kGuardBatch = 64;

// Tries a light guard on a scratch page and looks whether the kernel itself refuses to write there (a read(2) into it gives EFAULT).
// Blocks: no. Allocates: one page and a pipe, given back. Signal-safe: no (costs four system calls; call it once per runtime).
bool probe_light_guards() noexcept;

// The question behind the probe, which an emulator cannot answer wrongly: does a read(2) into `page` give EFAULT? If not, the page's first
// byte has been written. Signal-safe: yes.
bool kernel_refuses_to_write(void* page) noexcept;

// Installs light guards of `bytes` at each of `guards` (page-aligned, at most kGuardBatch); returns how many of the first ones are in place.
// Fewer than all: no memory for the page table; errno is kept. One process_madvise for all where the kernel takes it for the
// own process (6.15), else one madvise each.
size_t install_light_guards(std::span<std::byte* const> guards, size_t bytes) noexcept;

// True if the watched range [guard, guard + bytes) was never written. Faults in the kernel's zero page, no memory.
bool watched_range_untouched(const std::byte* guard, size_t bytes) noexcept;

}  // namespace causeway::stack
