// SPDX-License-Identifier: MIT
//
// The table: see table.hpp.
#include "view/table.hpp"

#include <cstdarg>
#include <cstdio>

namespace view {
namespace {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  char buffer[256];
  va_list args;
  va_start(args, format);
  std::vsnprintf(buffer, sizeof buffer, format, args);
  va_end(args);
  return buffer;
}

// Nanoseconds; a dash for what was not measured.
std::string ns(double number) { return number > 0 ? text("%.1f", number) : "-"; }

std::string host_line(const host_numbers& host, double calls_per_second) {
  const std::string coroutines = host.coroutines > 0 ? grouped(host.coroutines) : "-";
  return text("  %-16s %7u %10s %11s %7s %11s %7s", host.name, host.threads, coroutines.c_str(),
              grouped(static_cast<std::uint64_t>(calls_per_second)).c_str(), ns(host.ns_call).c_str(), ns(host.ns_alternating).c_str(),
              ns(host.ns_switch).c_str());
}

std::string count_line(const char* name, std::uint64_t number, const std::string& more) {
  return text("  %-21s %12s   %s", name, grouped(number).c_str(), more.c_str());
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ' ');
  return digits;
}

double rate(std::uint64_t earlier_calls, std::uint64_t later_calls, const Snapshot& earlier, const Snapshot& later) {
  const double seconds = later.seconds - earlier.seconds;
  return seconds > 0 ? static_cast<double>(later_calls - earlier_calls) / seconds : 0;
}

std::vector<std::string> table(const Snapshot& earlier, const Snapshot& later) {
  std::vector<std::string> lines;
  lines.push_back(text("  %-16s %7s %10s %11s %27s", "", "", "", "", "---- nanoseconds per ----"));
  lines.push_back(text("  %-16s %7s %10s %11s %7s %11s %7s", "host", "threads", "coroutines", "calls/s", "call", "alternating", "switch"));
  for (std::size_t i = 0; i < later.hosts.size(); i++)
    lines.push_back(host_line(later.hosts[i], rate(earlier.hosts[i].calls, later.hosts[i].calls, earlier, later)));
  lines.push_back("");
  const cw_stats& runtime = later.runtime;
  lines.push_back(count_line("stacks learned", runtime.stacks_learned,
                             "bounds found out; " + grouped(later.total(&host_numbers::stacks)) + " stacks made"));
  lines.push_back(count_line("stacks changed", runtime.stacks_accepted, "calls that came on another one, accepted"));
  lines.push_back(count_line("callbacks parked", later.parked_now, grouped(later.parked) + " in all"));
  lines.push_back(count_line("callbacks suspended", later.total(&host_numbers::suspended_now),
                             grouped(later.total(&host_numbers::suspended)) + " in all"));
  lines.push_back(count_line("callbacks moved", later.total(&host_numbers::moved), "continued by another thread"));
  lines.push_back(count_line("callbacks nested", runtime.nested, "came while a call to C was open"));
  lines.push_back(count_line("slots handed over", runtime.handoffs, "taken from calls to C that lasted"));
  lines.push_back(count_line("checks", later.checks, later.failures == 0 ? "none failed" : grouped(later.failures) + " FAILED"));
  return lines;
}

std::string line(const Snapshot& earlier, const Snapshot& later) {
  const double calls = rate(earlier.total(&host_numbers::calls), later.total(&host_numbers::calls), earlier, later);
  return text("%5.1f s: %s calls/s, %s ns per call, %s stacks learned, %s callbacks parked, %s slots handed over, %s checks failed",
              later.seconds, grouped(static_cast<std::uint64_t>(calls)).c_str(), ns(later.hosts.front().ns_call).c_str(),
              grouped(later.runtime.stacks_learned).c_str(), grouped(later.parked_now).c_str(), grouped(later.runtime.handoffs).c_str(),
              grouped(later.failures).c_str());
}

}  // namespace view
