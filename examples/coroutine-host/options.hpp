// SPDX-License-Identifier: MIT
//
// The command line.
#pragma once

#include <optional>

struct Options {
  double seconds = 5;
  unsigned threads = 2;  // of each host
  bool json = false;
  bool fault = false;
};

// Nothing: the program has said what there was to say, and ends with *status.
std::optional<Options> read_options(int argc, char** argv, int* status);
