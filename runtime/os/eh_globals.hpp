// SPDX-License-Identifier: MIT
//
// The C++ runtime's exception state of the calling thread (Itanium C++ ABI, 2.2.2): a pointer to the caught exceptions, and an unsigned int
// that counts the ones in flight. It must travel with a green thread.
#pragma once

#include "runtime/base/config.h"

namespace causeway::os {

// The two words. The address is constant for the thread's life, so an M asks once.
// Signal-safe: no; the C++ runtime may set the words up in a thread's first call
CW_OPAQUE void* eh_globals() noexcept;

}  // namespace causeway::os
