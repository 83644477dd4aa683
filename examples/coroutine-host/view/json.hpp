// SPDX-License-Identifier: MIT
//
// The results for programs: one JSON object.
#pragma once

#include "view/snapshot.hpp"

namespace view {

// first_failure: NULL if no check failed.
void print_json(const Snapshot& first, const Snapshot& last, const char* first_failure);

}  // namespace view
