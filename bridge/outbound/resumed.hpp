// SPDX-License-Identifier: MIT
//
// A call out that ends elsewhere than it was expected: another call out of the thread began later and has not ended (the host switches
// stacks), or the host has moved the stack to another OS thread.
#pragma once

#include "runtime/sched/sched.hpp"

namespace causeway::outbound {

// Takes the call over: afterwards g->m is the calling thread's M. `id` and `sp`: of g when it called out.
//
// Stops the process when that cannot be: call-frame-invalid (g is not in that call any more, or what a call in found was not put back),
// locked-moved (g keeps its thread, by a lock or because it is a worker's).
//
// Stack: g's. Needs: the thread is in C
void resumed(sched::G* g, uint64_t id, uintptr_t sp) noexcept;

}  // namespace causeway::outbound
