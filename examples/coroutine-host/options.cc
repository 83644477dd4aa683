// SPDX-License-Identifier: MIT
//
// The command line: see options.hpp.
#include "options.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

void usage(std::FILE* out) {
  std::fputs(
      "usage: coroutine-host [--seconds N] [--threads N] [--json] [--fault]\n\n"
      "Four C hosts call green threads from threads of their own: plain ones, and threads with coroutines of the C library (ucontext),\n"
      "of Boost.Context and of Boost.Coroutine2. Each result is checked, and so is each callback's stack.\n\n"
      "  --seconds N   how long, 0.1 to 3600; 5\n"
      "  --threads N   threads of each host, 1 to 64; 2\n"
      "  --json        no display; the results as one JSON object\n"
      "  --fault       some callbacks answer wrongly, to see that the checks notice\n"
      "  --help        this text\n\n"
      "In a terminal the numbers move in place, else there is a line per second. The exit status is 0 if all checks were right, 1 if one\n"
      "failed, 2 if the hosts could not be started or the command line is wrong.\n",
      out);
}

// A whole number or a decimal fraction, all of the text, within the limits.
bool read_number(const char* text, double low, double high, double& number) {
  char* end = nullptr;
  number = std::strtod(text, &end);
  return end != text && *end == '\0' && number >= low && number <= high;
}

}  // namespace

std::optional<Options> read_options(int argc, char** argv, int* status) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string_view name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    double number = 0;
    if (name == "--help" || name == "-h") {
      usage(stdout);
      *status = 0;
      return std::nullopt;
    } else if (name == "--json") {
      options.json = true;
    } else if (name == "--fault") {
      options.fault = true;
    } else if (name == "--seconds" && read_number(value, 0.1, 3600, number)) {
      options.seconds = number;
      i++;
    } else if (name == "--threads" && read_number(value, 1, 64, number) && number == static_cast<unsigned>(number)) {
      options.threads = static_cast<unsigned>(number);
      i++;
    } else {
      std::fprintf(stderr, "coroutine-host: cannot make sense of %s%s%s\n\n", argv[i], *value != '\0' ? " " : "", value);
      usage(stderr);
      *status = 2;
      return std::nullopt;
    }
  }
  return options;
}
