// SPDX-License-Identifier: MIT
//
// causeway_bench: one row of the table per run, `causeway_bench SUBJECT/VARIANT [--smoke]`. Started by bench/run and bench-smoke.
#include "bench/causeway/rows.hpp"

#include <exception>

namespace {

struct Row {
  std::string_view subject;
  void (*measure)(const bench::Run&);
};

constexpr Row kRows[] = {
    {"yield", bench::yield_row},
    {"ping-pong", bench::ping_pong_row},
    {"spawn-join", bench::spawn_join_row},
    {"buffered", bench::buffered_row},
    {"buffered-many", bench::buffered_many_row},
    {"mutex", bench::mutex_row},
    {"mutex-brief", bench::mutex_brief_row},
    {"semaphore", bench::semaphore_row},
    {"select", bench::select_row},
    {"sleepers", bench::sleepers_row},
    {"ready-run", bench::ready_run_row},
    {"echo-server", bench::echo_server_row},
    {"parked", bench::parked_row},
    {"churn", bench::churn_row},
    {"idle", bench::idle_row},
    {"call-in", bench::call_in_row},
    {"closure", bench::closure_row},
    {"exception", bench::exception_row},
    {"first-call", bench::first_call_row},
    {"alternate", bench::alternate_row},
    {"call-latency", bench::call_latency_row},
    {"call-out", bench::call_out_row},
    {"nested", bench::nested_row},
    {"handle-get", bench::handle_get_row},
    {"post", bench::post_row},
    {"parked-posts", bench::parked_posts_row},
    {"stop", bench::stop_row},
    {"traceback", bench::traceback_row},
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  for (const Row& row : kRows) {
    if (row.subject != run.subject) { continue; }
    try {
      row.measure(run);
      return 0;
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "%s: %s\n", run.row.c_str(), failure.what());
      return 1;
    }
  }
  bench::unknown_row(run);
}
