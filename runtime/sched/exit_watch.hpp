// SPDX-License-Identifier: MIT
//
// exit() in the middle of managed code, or in C below it: a handler of ours that runs before those that were there when green threads first ran.
#pragma once

#include <cstdint>

namespace causeway::sched {

using ExitHandler = void (*)(int status, void* unused);
// By the row that has one; before watch_exit().
void set_exit_handler(ExitHandler handler) noexcept;

// Registers it, once for each place: handlers run last in, first out, and a static runtime object's destructor is registered after the start.
enum class ExitPlace : uint8_t { Start, FirstCall, FirstSpawn };
void watch_exit(ExitPlace place) noexcept;

}  // namespace causeway::sched
