// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers.
#include "runtime/os/memory.hpp"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "runtime/os/fault_hook.hpp"

#if !defined(MADV_GUARD_INSTALL)
#define MADV_GUARD_INSTALL 102  // Linux 6.13; the C library's headers are older
#define MADV_GUARD_REMOVE 103
#endif

namespace causeway::os {
namespace {

// Guards are installed in one go, but the kernel may give way to a signal or to pressure on page tables; a few tries are enough.
bool advise_retrying(void* address, size_t bytes, int advice) noexcept {
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i) {
    if (madvise(address, bytes, advice) == 0) return true;
    if (errno != EINTR && errno != EAGAIN) return false;
  }
  return false;
}

}  // namespace

size_t page_size() noexcept {
  // From the auxiliary vector each time: no state, no lock, a few ns.
  const unsigned long bytes = getauxval(AT_PAGESZ);
  return bytes != 0 ? bytes : 4096;
}

void* map_reserve(size_t bytes) noexcept {
  if (fault_injected(FaultPoint::Map)) return nullptr;
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

bool unmap(void* address, size_t bytes) noexcept {
  if (fault_injected(FaultPoint::Unmap)) return false;
  return munmap(address, bytes) == 0;
}

bool advise_no_huge(void* address, size_t bytes) noexcept { return madvise(address, bytes, MADV_NOHUGEPAGE) == 0; }

bool advise_dontneed(void* address, size_t bytes) noexcept { return advise_retrying(address, bytes, MADV_DONTNEED); }

bool guard_install(void* address, size_t bytes) noexcept {
  if (fault_injected(FaultPoint::Guard)) return false;
  return advise_retrying(address, bytes, MADV_GUARD_INSTALL);
}

bool guard_remove(void* address, size_t bytes) noexcept { return advise_retrying(address, bytes, MADV_GUARD_REMOVE); }

bool protect_none(void* address, size_t bytes) noexcept {
  if (fault_injected(FaultPoint::Protect)) return false;
  return mprotect(address, bytes, PROT_NONE) == 0;
}

bool read_memory(void* to, const void* from, size_t bytes) noexcept {
  iovec local{to, bytes};
  iovec remote{const_cast<void*>(from), bytes};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
}

}  // namespace causeway::os
