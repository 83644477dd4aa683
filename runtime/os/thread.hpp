// SPDX-License-Identifier: MIT
//
// OS threads of the runtime's own, and what a thread can learn about itself.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::os {

// Starts a joinable thread that runs fn(arg). It has every signal blocked but the ones that a fault raises on itself (SEGV, BUS, FPE, ILL,
// TRAP, SYS, ABRT), until it calls take_host_mask(). Its exit value is fn's.
//
//   stack_bytes  rounded up to whole pages and to the system's minimum; 0: the system's default
//   name         constant text, cut to 15 bytes; what top and gdb show
//
// Errors: CW_E_NOMEM (no memory, or the thread limit of user or cgroup), CW_E_SYSTEM; the errno is kept in the error
// Needs:  the caller's signal mask may be changed for the time of the call; it is put back
base::Result<pthread_t> thread_create(void* (*fn)(void*), void* arg, size_t stack_bytes, const char* name) noexcept;

// The CPUs that a new thread of ours may use are those of the thread that called this last, whoever creates it: a thread of the host that keeps to
// one CPU may be the one that calls for a worker. By start().
void remember_cpus() noexcept;

// The signal mask of the thread that called remember_mask() last, without the faults and without `but` (0: none), for a thread that runs the host's code:
// what that raises, and what it starts (threads, programs), finds the mask that the host would have given. By start(); by the thread itself.
void remember_mask() noexcept;
void take_host_mask(int but) noexcept;

// The kernel's number of the calling thread. Asks the kernel each time: also right after a fork.       Signal-safe: yes
int thread_id() noexcept;

// Bounds of the calling thread's own stack, [low, high), without its guard. False: not to be had (no /proc for the main thread).
//
// Allocates:   yes, and may read /proc/self/maps for the main thread: 40 µs and more. Ask once.
// Signal-safe: no
bool thread_stack_bounds(uintptr_t* low, uintptr_t* high) noexcept;

}  // namespace causeway::os
