// SPDX-License-Identifier: MIT
//
// Stops of the world back to back under full load: green threads that compute, that are born and die, park, lock, call C and are called back, and
// threads of a host that come and go. Who stops: a plain thread, green threads and callbacks in turn.
//
// Risk: a green thread that runs on in a stop, one that is lost by it, a segment whose bounds do not hold. In each stop no cell changes, and each
// segment lies in one stack and holds what its green thread has left there; at the end each cell has what was added to it.
#include <cstdio>
#include <mutex>
#include <vector>

#include "runtime/base/config.h"
#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;

constexpr int kCells = 8;

Clock::duration stopping_time() { return long_mode() ? time_box() : 5s; }

struct World {
  std::atomic<bool> over{false};
  struct alignas(64) Cell {
    std::atomic<uint64_t> value{0};  // one owner adds at a time
  } cells[kCells];
  std::atomic<uint64_t> added[kCells]{};
  std::atomic<uint64_t> born{0}, threads{0}, stops{0}, late{0}, segments{0};
  std::atomic<uint64_t> longest_ns{0};
  causeway::mutex mutex;
  causeway::channel<int> channel{2};
};

void add(World& w, int cell, uint64_t n) {
  for (uint64_t i = 0; i < n; ++i)
    w.cells[cell].value.store(w.cells[cell].value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  w.added[cell] += n;
}

// What a stop looks at, all of it without a lock or an allocation.
struct Look {
  World* w;
  uint64_t before[kCells], after[kCells];
  int segments = 0, wrong = 0;

  [[gnu::no_sanitize_address]] static int visit(const cw_segment* s, void* self) {
    auto& look = *static_cast<Look*>(self);
    ++look.segments;
    const auto low = reinterpret_cast<uintptr_t>(s->low), high = reinterpret_cast<uintptr_t>(s->high);
    const auto sp = reinterpret_cast<uintptr_t>(s->sp);
    if (sp < low || sp >= high || high - low > (8u << 20) || s->green_id == 0) return ++look.wrong;
    // Only then: all of it is readable.
    volatile char sum = 0;
    for (uintptr_t at = sp; at < high; at += 512) sum = static_cast<char>(sum + *reinterpret_cast<const volatile char*>(at));
    return 0;
  }
  static void run(void* self) {
    auto& look = *static_cast<Look*>(self);
    for (int i = 0; i < kCells; ++i) look.before[i] = look.w->cells[i].value.load(std::memory_order_relaxed);
    if (cw_world_visit_all(visit, self) != CW_OK) ++look.wrong;
    for (int i = 0; i < kCells; ++i) look.after[i] = look.w->cells[i].value.load(std::memory_order_relaxed);
    for (int i = 0; i < kCells; ++i) look.wrong += look.before[i] != look.after[i];
  }
};

void stop_once(World& w) {
  Look look{};
  look.w = &w;
  const auto start = Clock::now();
  const cw_status status = cw_world_run(30'000'000'000, Look::run, &look);
  const auto took = static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count());
  require(status == CW_OK, cw_last_error());
  require(look.wrong == 0, "something ran in a stop, or a segment is no part of a stack");
  w.segments += static_cast<uint64_t>(look.segments);
  ++w.stops;
  if (took > w.longest_ns) w.longest_ns = took;
}

void computes(World& w, int cell) {
  while (!w.over) {
    add(w, cell, 20'000);
    if (CW_TSAN) causeway::this_green::yield();  // it delivers no signal to a thread that calls nothing
  }
}

void gives_birth(World& w, int cell) {
  while (!w.over) {
    for (int i = 0; i < 8; ++i)
      causeway::spawn([&] {
        add(w, cell, 3);
        causeway::this_green::yield();
      }).join();
    w.born += 8;
  }
}

void calls(World& w, int cell, int depth) {
  while (!w.over) {
    causeway::call([&] {
      causeway::enter([&] {
        add(w, cell, 2);
        if (depth > 0) causeway::call([&] { causeway::enter([&] { add(w, cell, 1), causeway::this_green::yield(); }); });
      });
    });
  }
}

void locks(World& w, int cell) {
  while (!w.over) {
    const std::lock_guard guard(w.mutex);
    add(w, cell, 1);
  }
}

void host(World& w, int cell) {
  while (!w.over) {
    std::thread([&] {
      for (int i = 0; i < 20; ++i)
        causeway::enter([&] {
          add(w, cell, 1);
          if (i % 8 == 0) causeway::this_green::sleep_for(50us);
        });
    }).join();
    ++w.threads;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = seed_of(argc, argv);
  const Watchdog watchdog;
  World w;
  {
    causeway::options options;
    options.processors = 2 + static_cast<unsigned>(seed % 3);
    causeway::runtime runtime(options);
    std::vector<causeway::task<void>> tasks;
    tasks.push_back(causeway::spawn([&] { computes(w, 0); }));
    tasks.push_back(causeway::spawn([&] { computes(w, 1); }));
    tasks.push_back(causeway::spawn([&] { gives_birth(w, 2); }));
    tasks.push_back(causeway::spawn([&] { calls(w, 3, 0); }));
    tasks.push_back(causeway::spawn([&] { calls(w, 4, 1); }));
    tasks.push_back(causeway::spawn([&] { locks(w, 5); }));
    tasks.push_back(causeway::spawn([&] {
      while (!w.over) {
        w.channel.send(1);
        stop_once(w);
      }
      w.channel.close();
    }));
    tasks.push_back(causeway::spawn([&] {
      for (int item : w.channel) static_cast<void>(item);
    }));
    std::thread host_thread([&] { host(w, 6); });
    std::thread callback([&] {
      while (!w.over) {
        causeway::enter([&] { add(w, 7, 1), stop_once(w); });
        std::this_thread::sleep_for(200us);
      }
    });
    const auto end = Clock::now() + stopping_time();
    while (Clock::now() < end) {
      stop_once(w);
      if (w.stops % 64 == 0) std::this_thread::sleep_for(1ms);
    }
    w.over = true;
    host_thread.join();
    callback.join();
    for (auto& task : tasks) task.join();
  }
  for (int i = 0; i < kCells; ++i) require(w.cells[i].value == w.added[i], "a cell has not what was added to it");
  const double seconds = std::chrono::duration<double>(stopping_time()).count();
  std::printf("%llu stops, %.0f in a second, the longest %.2f ms; %llu segments; %llu born, %llu threads\n",
              static_cast<unsigned long long>(w.stops.load()), static_cast<double>(w.stops) / seconds,
              static_cast<double>(w.longest_ns) / 1e6, static_cast<unsigned long long>(w.segments.load()),
              static_cast<unsigned long long>(w.born.load()), static_cast<unsigned long long>(w.threads.load()));
  return 0;
}
