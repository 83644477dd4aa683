// SPDX-License-Identifier: MIT
//
// The live display: a table that is redrawn in place in a terminal, a line per second anywhere else.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "view/snapshot.hpp"

namespace view {

class Screen {
 public:
  // seconds: how long the program will run.
  explicit Screen(double seconds);

  // Ten times a second.
  void show(const Snapshot& now);

  // The last time: the table of the whole run, and the verdict.
  void finish(const Snapshot& first, const Snapshot& last, const char* first_failure);

 private:
  void draw(const std::vector<std::string>& lines);
  std::string progress(double seconds) const;

  const double seconds_;
  const bool terminal_;
  std::size_t drawn_ = 0;        // lines above the cursor that are ours
  std::deque<Snapshot> recent_;  // the last second: rates are taken over it
  double next_line_ = 1;
};

}  // namespace view
