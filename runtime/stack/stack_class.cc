// SPDX-License-Identifier: MIT
//
// Choosing the class for a size.
#include "runtime/stack/stack_class.hpp"

namespace causeway::stack {

base::Result<StackClass> class_for(size_t bytes) noexcept {
  if (bytes == 0) bytes = kDefaultStackBytes;
  for (size_t i = 0; i < kClasses; ++i) {
    const auto stack_class = static_cast<StackClass>(i);
    if (bytes <= class_bytes(stack_class)) return stack_class;
  }
  return base::fail(CW_E_INVALID, "stack_size is above 1 MiB: move the work out of large local arrays or onto the system stack (call)");
}

}  // namespace causeway::stack
