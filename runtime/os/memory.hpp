// SPDX-License-Identifier: MIT
//
// Memory maps. Nothing here is executable, ever (code_pages.hpp). All: Signal-safe: yes; errno is the system call's where "false" or null is returned.
#pragma once

#include <cstddef>

namespace causeway::os {

// Constant for the life of the process.
size_t page_size() noexcept;

// New zero pages, readable and writable, not counted against the commit limit until touched. Null: errno says why.
// Pairs with: unmap(), of the whole or of parts
void* map_reserve(size_t bytes) noexcept;
// False only for a range that no map_reserve() gave, or when the kernel has no room to split a mapping.
bool unmap(void* address, size_t bytes) noexcept;

// No huge pages here: one touched page must not become two resident MiB. False is harmless (kernels without huge pages).
bool advise_no_huge(void* address, size_t bytes) noexcept;
// The pages' contents may go: they read as zeros afterwards. Guards stay.
bool advise_dontneed(void* address, size_t bytes) noexcept;

// Makes pages fault on access without a mapping of their own (MADV_GUARD_INSTALL, Linux 6.13). True is no proof: an emulator may answer so
// and guard nothing; the caller probes by effect.
bool guard_install(void* address, size_t bytes) noexcept;
bool guard_remove(void* address, size_t bytes) noexcept;
// The same by PROT_NONE, which costs a mapping for each range.
bool protect_none(void* address, size_t bytes) noexcept;

// Copies out of our own address space without a fault: false when any byte of [from, from + bytes) is not readable.
// Bounded: one system call; five a page where process_vm_readv is refused, and two descriptors meanwhile.
bool read_memory(void* to, const void* from, size_t bytes) noexcept;

}  // namespace causeway::os
