// SPDX-License-Identifier: MIT
//
// Posting, and turning posts into green threads.
#pragma once

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::sched {

struct P;

// Errors:      CW_E_FULL, CW_E_STOPPED, CW_E_NOT_READY
// Blocks:      never. Signal-safe: yes
cw_status post(cw_fn fn, void* arg) noexcept;

// Makes green threads of some posts, at the end of p's ring. True: of at least one. Needs: P
bool take_posts(P* p) noexcept;
// Posts wait, and may be taken: not while the last try found no memory (the monitor lets it be tried again).
bool posts_wait() noexcept;
void retry_posts() noexcept;
// None waits, taken back or not: for stop().
bool no_posts() noexcept;
// How many wait; a hint.
uint64_t waiting_posts() noexcept;

// --- start and stop ---
base::Result<void> start_posts(uint32_t capacity) noexcept;
void stop_posts() noexcept;
uint64_t posts_dropped() noexcept;

}  // namespace causeway::sched
