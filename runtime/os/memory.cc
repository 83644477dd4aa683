// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers.
#include "runtime/os/memory.hpp"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
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

namespace {

// Through a pipe: the kernel copies, as there. A page at a time fits in.
bool read_by_pipe(void* to, const void* from, size_t bytes) noexcept {
  constexpr size_t kAtOnce = 4096;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  size_t done = 0;
  while (done < bytes) {
    const size_t n = bytes - done < kAtOnce ? bytes - done : kAtOnce;
    if (write(ends[1], static_cast<const char*>(from) + done, n) != static_cast<ssize_t>(n)) break;
    if (read(ends[0], static_cast<char*>(to) + done, n) != static_cast<ssize_t>(n)) break;
    done += n;
  }
  close(ends[0]);
  close(ends[1]);
  return done == bytes;
}

// Sandboxes refuse process_vm_readv, emulators do not have it. relaxed: a hint.
std::atomic<bool> no_vm_read{false};

}  // namespace

bool read_memory(void* to, const void* from, size_t bytes) noexcept {
  if (!no_vm_read.load(std::memory_order_relaxed)) {
    iovec local{to, bytes};
    iovec remote{const_cast<void*>(from), bytes};
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes)) return true;
    if (errno != ENOSYS && errno != EPERM) return false;
    no_vm_read.store(true, std::memory_order_relaxed);
  }
  return read_by_pipe(to, from, bytes);
}

}  // namespace causeway::os
