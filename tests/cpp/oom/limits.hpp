// SPDX-License-Identifier: MIT
//
// Limits of the process that are reached (setrlimit): FAULTS 92. Each case runs in a child of its own.
#pragma once

#include <vector>

namespace oom {

struct Limit {
  const char* name;
  void (*run)();
};
const std::vector<Limit>& limits();

}  // namespace oom
