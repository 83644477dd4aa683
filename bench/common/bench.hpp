// SPDX-License-Identifier: MIT
//
// What every benchmark program of the C++ side shares: its arguments, the timed loop, resident memory, the line it prints.
//
// One process is one sample: it runs one row once and prints one line of JSON. Repetition, medians and ratios are the
// business of bench/run, which starts the programs in turn, so that a slow minute of the machine hits all of them.
//
// Used by our own programs and by the C++ peers alike, so that all of them are timed by the same code. It therefore
// includes nothing of Causeway. Its twins are bench/peers/go/bench.go and bench/peers/may/src/bench.rs.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <sched.h>

namespace bench {

// One run: `PROGRAM ROW [--smoke]`; ROW is subject/variant, variant `one-p` stands for one processor.
struct Run {
  std::string row;
  std::string subject;
  std::string variant;
  unsigned processors = 0;  // 1 for the one-p rows, else the CPUs of the affinity mask
  bool smoke = false;       // one short round: shows that the program works, measures nothing
};

// Processors of the affinity mask: what "all Ps" means for every peer.
inline unsigned cpus_of_process() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) { return 1; }
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

// Reads the command line; a wrong one ends the process with status 2.
inline Run parse(int argc, char** argv) {
  Run run;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--smoke") {
      run.smoke = true;
    } else if (run.row.empty() && argument.find('/') != std::string_view::npos) {
      run.row = argument;
    } else {
      std::fprintf(stderr, "usage: %s SUBJECT/VARIANT [--smoke]\n", argv[0]);
      std::exit(2);
    }
  }
  const auto slash = run.row.find('/');
  if (slash == std::string::npos) {
    std::fprintf(stderr, "usage: %s SUBJECT/VARIANT [--smoke]\n", argv[0]);
    std::exit(2);
  }
  run.subject = run.row.substr(0, slash);
  run.variant = run.row.substr(slash + 1);
  run.processors = run.variant == "one-p" ? 1 : cpus_of_process();
  return run;
}

[[noreturn]] inline void unknown_row(const Run& run) {
  std::fprintf(stderr, "this program has no row %s\n", run.row.c_str());
  std::exit(2);
}

inline std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// A loop that does nothing but count, so that the share of the loop itself in a result is known.
inline double loop_ns() noexcept {
  constexpr std::uint64_t kRounds = 2'000'000;
  double best = 1e9;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint64_t start = now_ns();
    for (std::uint64_t i = 0; i < kRounds; ++i) { asm volatile("" : : "r"(i)); }
    best = std::min(best, static_cast<double>(now_ns() - start) / static_cast<double>(kRounds));
  }
  return best;
}

// Times `work(count)`, which performs `count` rounds: the count grows until a trial lasts 20 ms (that is the warm-up, too),
// then one run of about 400 ms gives the result. `step` keeps counts a multiple of a batch.
template <class Work>
double ns_per_round(const Run& run, Work&& work, std::uint64_t step = 1) {
  constexpr std::uint64_t kTrialNs = 20'000'000;
  constexpr std::uint64_t kTargetNs = 400'000'000;
  std::uint64_t count = step;
  std::uint64_t taken = 0;
  for (;;) {
    const std::uint64_t start = now_ns();
    work(count);
    taken = now_ns() - start;
    if (taken >= kTrialNs || (run.smoke && count >= 16 * step)) { break; }
    count *= 4;
  }
  if (!run.smoke) {
    const double scale = static_cast<double>(kTargetNs) / static_cast<double>(std::max<std::uint64_t>(taken, 1));
    count = std::max(step, static_cast<std::uint64_t>(static_cast<double>(count) * scale) / step * step);
    const std::uint64_t start = now_ns();
    work(count);
    taken = now_ns() - start;
  }
  return static_cast<double>(taken) / static_cast<double>(count);
}

// One number of /proc/PID/status as it stands there, by default our own; 0 if the line is absent.
inline std::uint64_t status_number(const char* key, int pid = 0) {
  std::uint64_t number = 0;
  const std::string path = pid == 0 ? "/proc/self/status" : "/proc/" + std::to_string(pid) + "/status";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) { return 0; }
  char line[256];
  const std::size_t length = std::strlen(key);
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, key, length) == 0 && line[length] == ':') {
      number = std::strtoull(line + length + 1, nullptr, 10);
      break;
    }
  }
  std::fclose(file);
  return number;
}

// The same of a line that counts in kB, in bytes.
inline std::uint64_t status_bytes(const char* key, int pid = 0) { return status_number(key, pid) * 1024; }

// Resident memory with its page tables: what the machine really has less of.
inline std::uint64_t resident_bytes() { return status_bytes("VmRSS") + status_bytes("VmPTE"); }

struct Field {
  const char* name;
  double value;
};

// Prints the line that bench/run reads. The fields ns and bytes are always there.
inline void print(const Run& run, const char* peer, double ns, double bytes, const std::vector<Field>& more = {}) {
  std::printf(R"({"row":"%s","peer":"%s","ns":%.3f,"bytes":%.1f)", run.row.c_str(), peer, ns, bytes);
  for (const Field& field : more) { std::printf(R"(,"%s":%.3f)", field.name, field.value); }
  std::printf("}\n");
  std::fflush(stdout);
}

}  // namespace bench
