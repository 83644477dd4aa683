// SPDX-License-Identifier: MIT
#include "runtime/os/membarrier.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/base.hpp"
#include "runtime/os/fault_hook.hpp"

namespace causeway::os {

bool membarrier_register() noexcept {
  const int saved = errno;
  // Registering again is cheap and does nothing, also in a forked child, which inherits the registration.
  const bool registered = !fault_injected(FaultPoint::Membarrier) &&
                          syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
                          syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
  errno = saved;
  return registered;
}

void membarrier() noexcept {
  const int saved = errno;
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0) [[unlikely]]
    base::fatal(base::FatalId::Invariant,
                "membarrier(2) worked at the start and is refused now: set option barrier=fence before a sandbox takes it away");
  errno = saved;
}

}  // namespace causeway::os
