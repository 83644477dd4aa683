// SPDX-License-Identifier: MIT
//
// exit() by managed code, or by C code below it. The rest of exit(), handlers and destructors of static objects, runs as C code on a C stack of full size,
// not on 64 KiB; and a stop of the runtime from there does not wait: the green thread that it would wait for is the one that leaves.
#pragma once

namespace causeway::capi {

// At each start.
void watch_exit() noexcept;
// Such an exit() is under way.
bool leaving() noexcept;

}  // namespace causeway::capi
