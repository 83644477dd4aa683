// SPDX-License-Identifier: MIT
//
// The outside of the interleaving checker: seed, one line of report, and what scenarios call.
#include "tests/cpp/interleave/checker.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "runtime/base/config.h"
#include "tests/cpp/interleave/engine.hpp"

namespace causeway::interleave {

#if CW_ASAN
// Fibres are abandoned in the middle of a run by the thousand, and a fake stack for each would never come back.
extern "C" const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }
#endif

Report explore(const char* name, Model model, const Bounds& full, const Maker& make) {
  Bounds bounds = full;
  if (CW_ASAN || CW_TSAN || std::getenv("CAUSEWAY_INTERLEAVE_QUICK") != nullptr) {
    if (!full.in_full) {
      bounds.preemptions = std::min(bounds.preemptions, 2u);
      bounds.delays = std::min(bounds.delays, 1u);
    }
    bounds.random_runs = std::min<uint64_t>(bounds.random_runs, 200);
    if (CW_ASAN || CW_TSAN) bounds.max_schedules = std::min<uint64_t>(bounds.max_schedules, 25000);
  }
  const char* const given = std::getenv("CAUSEWAY_INTERLEAVE_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : 20110426;
  const auto begin = std::chrono::steady_clock::now();
  Report report = Engine::the().explore(model, bounds, make, seed);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("interleave: %-34s %s  p<=%u d<=%u: %8llu schedules%s, %6llu random (seed %llu), %9llu steps, %5.0f ms: %s\n", name,
              model == Model::Tso ? "tso " : "weak", bounds.preemptions, bounds.delays, number(report.exhaustive),
              report.cut ? " (cut)" : "", number(report.random), number(seed), number(report.steps), took.count(),
              report.failure.empty() ? "green" : ("red: " + report.failure).c_str());
  // The choices of the failing schedule: its lines with a step number.
  std::istringstream lines(report.schedule);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("    step ")) std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  return report;
}

bool Report::red(const char* name) const {
  if (failure == name) return true;
  std::printf("interleave: expected red: %s\n%s", name, schedule.c_str());
  return false;
}

bool Report::green() const {
  if (failure.empty() && exhaustive > 0) return true;
  std::printf("interleave: expected green\n%s", schedule.c_str());
  return false;
}

void require(bool condition, const char* name) { Engine::the().require(condition, name); }
void step(const char* what) { Engine::the().point(what); }
void spin() { Engine::the().spin(); }
void busy_for_ever() { Engine::the().busy_for_ever(); }
void note(const char* text) { Engine::the().note(text); }

}  // namespace causeway::interleave
