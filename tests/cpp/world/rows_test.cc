// SPDX-License-Identifier: MIT
//
// Stops of the world between and inside of calls: the themes of cgo's tests with a collection inside (docs/test-rows.md, GC).
//
// Risk: who sits on C frames stops the world and waits for himself; threads that come and go during a stop are missed, or waited for for ever.
#include <memory>
#include <vector>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

// A visit of every stack, as a collector would make it: each word that is in use is read.
struct Scan {
  uint64_t words = 0, segments = 0;

  // Also what a sanitizer keeps between variables.
  [[gnu::no_sanitize_address]] static int visitor(const cw_segment* s, void* self) {
    auto& scan = *static_cast<Scan*>(self);
    ++scan.segments;
    uintptr_t sum = 0;
    for (auto* at = static_cast<const volatile uintptr_t*>(s->sp); at + 1 <= s->high; ++at, ++scan.words) sum += *at;
    static_cast<void>(sum);
    return 0;
  }
  static void all(void* self) { static_cast<void>(cw_world_visit_all(visitor, self)); }
};

void collect() {
  Scan scan;
  const cw_status status = cw_world_run(kLimitNs, Scan::all, &scan);
  CHECK_MESSAGE(status == CW_OK, cw_last_error());
  CHECK(scan.segments > 0);
}

[[gnu::noinline]] int recurse(int depth) {
  volatile int here = depth;
  return depth == 0 ? 0 : recurse(depth - 1) + (here != depth);
}

TEST_CASE("GC-01: a stop of the world inside a callback, and inside one below it") {
  Runtime runtime(2);
  on_thread([] {
    enter([] {
      collect();
      causeway::call([] { enter([] { collect(); }); });
      collect();
    });
  });
}

TEST_CASE("GC-02 TestCgoCallbackGC: threads call in together, each collects, recurses deeply, and collects again") {
  Runtime runtime(2);
  const int greens = few() ? 10 : 100, threads = few() ? 8 : 100;
  constexpr int kDeep = 500;  // of green stacks of 64 KiB
  std::atomic<bool> over{false};
  std::vector<causeway::task<void>> dirty;
  for (int i = 0; i < greens; ++i)
    dirty.push_back(causeway::spawn([&] {
      while (!over) {
        recurse(kDeep);
        causeway::this_green::yield();
      }
    }));
  std::atomic<int> done{0};
  {
    std::vector<std::unique_ptr<HostThread>> hosts;
    for (int i = 0; i < threads; ++i)
      hosts.push_back(std::make_unique<HostThread>([&] {
        enter([&] {
          collect();
          recurse(kDeep);
          causeway::call([] { recurse(10'000); });  // C has a stack of full size
          collect();
          ++done;
        });
      }));
  }
  CHECK(done == threads);
  over = true;
  for (auto& task : dirty) task.join();
}

TEST_CASE("GC-03 preemptduringcall: many green threads call C while the world stops again and again") {
  Runtime runtime(2);
  const int greens = few() ? 10 : 100;
  std::atomic<int> ended{0}, calls{0};
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < greens; ++i)
    tasks.push_back(causeway::spawn([&] {
      for (int call = 0; call < 100; ++call) {
        causeway::call([&] { ++calls; });
        if (call % 10 == 0) collect();
      }
      ++ended;
    }));
  for (auto& task : tasks) task.join();
  CHECK(calls == greens * 100);
  CHECK(ended == greens);
}

TEST_CASE("GC-06 NotInGoMetricCallback: stops while threads come, call in once and end") {
  Runtime runtime(2);
  std::atomic<int> calls{0};
  const int rounds = few() ? 5 : 20;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::unique_ptr<HostThread>> hosts;
    for (int i = 0; i < 8; ++i) hosts.push_back(std::make_unique<HostThread>([&] { enter([&] { ++calls; }); }));
    do {
      Scan scan;
      CHECK(cw_world_run(kLimitNs, Scan::all, &scan) == CW_OK);
    } while (calls < (round + 1) * 8);
  }
  CHECK(calls == rounds * 8);
}

}  // namespace
