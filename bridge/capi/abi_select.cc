// SPDX-License-Identifier: MIT
//
// What causeway/abi.h exports of select. Apart from abi_sync.cc because it is the one function that takes several objects at once.
#include "causeway/abi.h"
#include "runtime/sync/sync.hpp"

// Not inlined for the reason of cw_abi_channel_send().
CW_NOINLINE cw_status cw_abi_select(cw_abi_select_case* cases, size_t n, uint64_t timeout_ns, size_t* chosen, cw_abi_stop_wait* stop) {
  return causeway::sync::select(cases, n, timeout_ns, *chosen, causeway::sched::stop_point(stop));
}
