// SPDX-License-Identifier: MIT
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

#if CW_TSAN
void* tsan_switch(void** save_sp, void* load_sp, void* value, void* fiber) noexcept {
  __tsan_switch_to_fiber(fiber, 0);
  return cw_arch_switch(save_sp, load_sp, value);
}
#endif

}  // namespace causeway::sched
