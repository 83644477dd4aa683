// SPDX-License-Identifier: MIT
//
// Birth and end of green threads, for bridge/capi: everything that the C functions and the templates' ABI need, on records.
#pragma once

#include "causeway/abi.h"
#include "runtime/sched/green.hpp"

namespace causeway::sched {

struct Post;

struct SpawnRequest {
  const cw_abi_task_ops* ops;
  void* source;       // of the closure
  const char* name;   // may be null; copied
  size_t stack_size;  // 0: the runtime's option
  bool locked;
  bool detached;        // *out is not written
  uintptr_t place = 0;  // where it is spawned, for reports
};

// Errors: CW_E_INVALID (stack_size), CW_E_NOMEM, CW_E_LIMIT, CW_E_STOPPED, CW_E_NOT_READY, CW_E_ASYNC. Nothing is left behind by a failure.
base::Result<void> spawn(const SpawnRequest& request, G** out) noexcept;

// A detached green thread at the end of p's ring, made of the post that take() gives once there is room for it. Needs: P
enum class SpawnAnswer : uint8_t { Done, Nothing, NoRoom };
SpawnAnswer spawn_post(P* p, bool (*take)(Post* out) noexcept) noexcept;

// Waits for the end of `g`, of which the caller holds a reference. Errors: CW_E_STATE (oneself), CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC.
cw_status join(G* g, uint64_t timeout_ns, bool cancellable, StopPoint* stop = nullptr) noexcept;

// Drops the reference. Runs the result's destructor if it has ended. Stack: user or host; not inside the runtime.
void release(G* g) noexcept;

// See cw_abi_stop_state().
void* stop_state(G* g, void* (*make)(), const cw_abi_stop_ops* ops) noexcept;

// The green thread that calls, or null.
G* current_green() noexcept;

void yield() noexcept;

}  // namespace causeway::sched
