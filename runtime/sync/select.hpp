// SPDX-License-Identifier: MIT
//
// select: one call waits at several channels, and does exactly one of its cases: the first that can be done.
//
// It takes the locks of all channels (select_locks.hpp) and looks; among the cases that can be done at that moment it takes one at random,
// each with the same chance. If there is none, it links one Waiter per case, all with the same ticket, and parks with all locks held
// until its context is saved. Whoever claims the ticket finds one Waiter, and so decides for one case; the others find the ticket taken and
// leave their Waiter alone. Back again, the select unlinks what is still linked.
//
//   INV-SEL1  select_locks.hpp: the landing site is done with the select's stack before the select leaves.
//   INV-SEL2  Waiter::tag is kUndecided in all cases but the one that was claimed; the claimer writes it before ready().
//   INV-SEL3  A select never meets itself: it looks before it links, and while it is linked it does not look.
//   INV-SEL4  The channel of the chosen case is not touched after the wake-up, unless another case names it too: so INV-CH4 holds
//             for it. All others must live until the call returns.
//
// Fairness: among ready cases by chance, the generator being the M's own (no lock, no system call); among those who wait at a channel by
// the order in which they came, as for send and receive.
#pragma once

#include "causeway/abi.h"
#include "runtime/sync/channel.hpp"

namespace causeway::sync {

inline constexpr size_t kMaxCases = CW_ABI_MAX_CASES;

// The contract is that of cw_abi_select(). CW_OK and CW_E_CLOSED write chosen.
cw_status select(cw_abi_select_case* cases, size_t n, uint64_t timeout_ns, size_t& chosen, sched::StopPoint* stop) noexcept;

}  // namespace causeway::sync
