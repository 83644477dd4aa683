// SPDX-License-Identifier: MIT
//
// Counts what a piece of code does on its thread: system calls, allocations and, on x86-64, instructions that lock a cache line.
//
// System calls: a seccomp filter turns every one of the thread into SIGSYS; the handler counts it and makes it, by one instruction that the filter
// knows. There is no way back, so the thread must end with the program. Allocations: this program's own malloc. Locked instructions: the
// thread runs step by step (SIGTRAP), and each instruction is looked at.
#pragma once

#include <cstdint>

namespace census {

struct Counts {
  uint64_t system_calls = 0, allocations = 0;
  long first_system_call = -1;  // its number
};

// From here on the calling thread's system calls can be counted. False: the system has no filters.
bool watch_this_thread();

// Between the two the calling thread is counted. Not inlined: they touch thread-locals.
void begin();
Counts end();

struct Steps {
  uint64_t instructions = 0, locked = 0, system_calls = 0;
  uintptr_t first_locked = 0;  // its address
};

// Runs fn(arg) step by step. All 0: not on this CPU.
Steps step(void (*fn)(void* arg), void* arg);

}  // namespace census
