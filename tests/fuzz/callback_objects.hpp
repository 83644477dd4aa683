// SPDX-License-Identifier: MIT
//
// The steps of callback_fuzz.cc that only make, ask and close: callbacks, owners, handles. And the start and the end: of the runtime, and of an input.
#pragma once

#include "tests/fuzz/callback_model.hpp"

namespace callback_fuzz {

extern World* world;      // of this input
extern Program* program;  // whoever runs reads on

inline constexpr uint64_t kHostThread = uint64_t{1} << 63;  // Context::id of the fuzzer's own thread; others have 0

inline constexpr size_t kFirstTable = 256;  // code pointers of the library's image

// Starts the runtime, which stops at the exit. Once.
void start_host();

// step: 0 to 9.
void objects_step(const Context& me, unsigned step);

// All that the program has made, from outside all callbacks.
void close_all(const Context& host);

struct Counts {
  uint64_t handles, callbacks, dead_calls;
};
Counts count();
// Needs: `before` was counted when this input began.
void check_counts(const Counts& before);

}  // namespace callback_fuzz
