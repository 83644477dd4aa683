// SPDX-License-Identifier: MIT
//
// All numbers of one moment: the hosts', the callbacks', the checks', and the runtime's own counters.
#pragma once

#include <causeway/causeway.hpp>

#include <cstdint>
#include <vector>

#include "host/host.h"

namespace view {

struct Snapshot {
  double seconds = 0;  // since the hosts were started
  std::vector<host_numbers> hosts;
  std::uint64_t parked_now = 0;
  std::uint64_t parked = 0;
  std::uint64_t checks = 0;
  std::uint64_t failures = 0;
  cw_stats runtime{};

  // Over all hosts.
  template <class Number>
  Number total(Number host_numbers::* field) const {
    Number sum = 0;
    for (const host_numbers& host : hosts) sum += host.*field;
    return sum;
  }
};

}  // namespace view
