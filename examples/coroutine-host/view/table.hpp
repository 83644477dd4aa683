// SPDX-License-Identifier: MIT
//
// The numbers as text for people: the lines that the screen redraws and the summary repeats.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "view/snapshot.hpp"

namespace view {

// No line is wider.
constexpr unsigned kWidth = 79;

// 1234567 as "1 234 567".
std::string grouped(std::uint64_t number);

// Rates are those between the two moments; everything else is as of the later one.
std::vector<std::string> table(const Snapshot& earlier, const Snapshot& later);

// The most important of it in one line.
std::string line(const Snapshot& earlier, const Snapshot& later);

// Calls per second between two moments.
double rate(std::uint64_t earlier_calls, std::uint64_t later_calls, const Snapshot& earlier, const Snapshot& later);

}  // namespace view
