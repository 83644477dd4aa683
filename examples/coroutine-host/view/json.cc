// SPDX-License-Identifier: MIT
//
// The results for programs: see json.hpp. No text in it needs an escape: names and failures are constants of this program.
#include "view/json.hpp"

#include <cinttypes>
#include <cstdio>

#include "view/table.hpp"

namespace view {
namespace {

void count(const char* name, std::uint64_t number) { std::printf(",\n  \"%s\": %" PRIu64, name, number); }

// Nanoseconds; null for what was not measured.
void time_of(const char* name, double ns) {
  if (ns > 0) std::printf(", \"%s\": %.2f", name, ns);
  else std::printf(", \"%s\": null", name);
}

}  // namespace

void print_json(const Snapshot& first, const Snapshot& last, const char* first_failure) {
  std::printf("{\n  \"seconds\": %.3f,\n  \"hosts\": [", last.seconds);
  for (std::size_t i = 0; i < last.hosts.size(); i++) {
    const host_numbers& host = last.hosts[i];
    std::printf("%s\n    {\"name\": \"%s\", \"threads\": %u, \"stacks\": %" PRIu64 ", \"calls\": %" PRIu64 ", \"calls_per_second\": %.0f",
                i > 0 ? "," : "", host.name, host.threads, host.stacks, host.calls, rate(first.hosts[i].calls, host.calls, first, last));
    time_of("ns_call", host.ns_call);
    time_of("ns_alternating", host.ns_alternating);
    time_of("ns_switch", host.ns_switch);
    std::printf("}");
  }
  std::printf("\n  ]");
  count("calls", last.total(&host_numbers::calls));
  count("callbacks_parked", last.parked);
  count("callbacks_suspended", last.total(&host_numbers::suspended));
  count("callbacks_continued_elsewhere", last.total(&host_numbers::moved));
  count("stacks_learned", last.runtime.stacks_learned);
  count("stacks_accepted", last.runtime.stacks_accepted);
  count("nested_calls", last.runtime.nested);
  count("slots_handed_over", last.runtime.handoffs);
  count("checks", last.checks);
  count("checks_failed", last.failures);
  if (first_failure != nullptr) std::printf(",\n  \"first_failure\": \"%s\"", first_failure);
  std::printf("\n}\n");
}

}  // namespace view
