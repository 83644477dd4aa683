// SPDX-License-Identifier: MIT
//
// io: waiting for descriptors, and files that green threads read and write without keeping their OS thread.
//
// Row 8, beside runtime/sync, which it does not include. May include: rows 1 to 7. Fills the scheduler's poller slot. Other folders include this
// header only.
#pragma once

#include "runtime/io/file.hpp"  // IWYU pragma: export
#include "runtime/io/wait.hpp"  // IWYU pragma: export
