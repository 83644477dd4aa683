// SPDX-License-Identifier: MIT
//
// Rows post and parked-posts: what a thread of the host pays to leave work behind, and that work which waits needs no thread.
//
//   post/foreign-thread   cw_post of a function that counts, in batches of 256; one worker, kept awake by a green thread that yields.
//                         Only the posts are timed; between the batches the host waits until all of them have run. The median batch counts.
//   parked-posts/two-p    100 000 posts of a function that waits for an event; the threads of the process are counted when all wait.
#include "bench/causeway/rows.hpp"
#include "bench/common/latency.hpp"

#include <atomic>
#include <thread>

namespace bench {
namespace {

void must_be_ok(cw_status status) {
  if (status == CW_OK) { return; }
  std::fprintf(stderr, "a post was refused: %s\n", cw_status_name(status));
  std::exit(1);
}

// relaxed, here and where it is read: a counter of runs; what they did is not read.
void count_run(void* runs) { static_cast<std::atomic<std::uint64_t>*>(runs)->fetch_add(1, std::memory_order_relaxed); }

// Until it is `wanted`. Spins first: who yields on a busy machine comes back late, and the worker has long been idle.
void await(const std::atomic<std::uint64_t>& runs, std::uint64_t wanted) {
  for (int looks = 0; runs.load(std::memory_order_relaxed) != wanted; ++looks) {
    if (looks > 10'000) { std::this_thread::yield(); }
  }
}

double ns_of_posts(const Run& run) {
  constexpr std::uint64_t kBatch = 256;
  constexpr std::uint64_t kUncounted = 100 * kBatch;  // caches and records grow
  const std::uint64_t wanted = run.smoke ? 2 * kBatch : 1'000'000;
  const std::uint64_t before = run.smoke ? 0 : kUncounted;
  const std::uint64_t latest = now_ns() + 3'000'000'000;  // a busy machine gives fewer batches
  std::atomic<std::uint64_t> runs{0};
  std::uint64_t posted = 0;
  std::vector<std::uint64_t> batches;
  while (posted < before + wanted && (posted <= before || now_ns() < latest)) {
    const std::uint64_t start = now_ns();
    for (std::uint64_t i = 0; i < kBatch; ++i) { must_be_ok(cw_post(count_run, &runs)); }
    if (posted >= before) { batches.push_back(now_ns() - start); }
    posted += kBatch;
    await(runs, posted);
  }
  return percentiles(std::move(batches)).p50 / kBatch;
}

struct Parking {
  causeway::event event{causeway::manual_reset};
  std::atomic<std::int64_t> ended{0};
};

void park(void* at) {
  auto& parking = *static_cast<Parking*>(at);
  parking.event.wait();
  // release: the last use of the event; pairs with the acquire below, before which it must not be destroyed.
  parking.ended.fetch_add(1, std::memory_order_release);
}

std::uint64_t parked_now() {
  cw_stats stats;
  cw_stats_init(&stats);
  cw_runtime_stats(&stats);
  return stats.greens_parked;
}

}  // namespace

void post_row(const Run& run) {
  causeway::options options = options_of(run);
  options.processors = 1;
  causeway::runtime runtime{options};
  std::atomic<bool> over{false};
  auto awake = causeway::spawn([&] {
    while (!over.load(std::memory_order_relaxed)) { causeway::this_green::yield(); }
  });
  double ns = 0;
  std::thread([&] { ns = ns_of_posts(run); }).join();
  over.store(true, std::memory_order_relaxed);  // relaxed: only the word itself is of interest
  awake.join();
  print(run, "causeway", ns, 0);
}

void parked_posts_row(const Run& run) {
  const std::int64_t count = run.smoke ? 2'000 : 100'000;
  causeway::options options = options_of(run);
  options.processors = 2;
  causeway::runtime runtime{options};
  Parking parking;
  const std::uint64_t before = resident_bytes();
  const std::uint64_t start = now_ns();
  std::thread([&] {
    for (std::int64_t i = 0; i < count; ++i) {
      cw_status status = CW_OK;
      // More of them than post_capacity: a host that is faster than the workers comes back later.
      while ((status = cw_post(park, &parking)) == CW_E_FULL) { std::this_thread::yield(); }
      must_be_ok(status);
    }
  }).join();
  while (parked_now() < static_cast<std::uint64_t>(count)) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  const auto ns = static_cast<double>(now_ns() - start) / static_cast<double>(count);
  const auto threads = static_cast<double>(status_number("Threads"));
  const double bytes = (static_cast<double>(resident_bytes()) - static_cast<double>(before)) / static_cast<double>(count);
  parking.event.set();
  while (parking.ended.load(std::memory_order_acquire) != count) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  print(run, "causeway", ns, bytes, {{"threads", threads}});
}

}  // namespace bench
