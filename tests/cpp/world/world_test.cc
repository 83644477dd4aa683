// SPDX-License-Identifier: MIT
//
// Stops of the world: nobody runs managed code meanwhile, every stack in use is seen with bounds that hold, and everything goes on afterwards.
//
// Risk: a green thread that runs on through a stop, a stack that is missed or cut, a thread that never wakes, a stop that nobody can have because one
// thread does not come.
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

// As causeway::world_run(), with the status.
template <class F>
cw_status stop_world(F body, uint64_t timeout_ns = 10'000'000'000) {
  return cw_world_run(timeout_ns, [](void* f) { (*static_cast<F*>(f))(); }, &body);
}

struct Segment {
  uint64_t id;
  int kind;
  uintptr_t low, high, sp, pc;
};

// Into memory that is there already.
struct Seen {
  Segment segments[256];
  int n = 0, bad = 0;

  static int visitor(const cw_segment* s, void* self) {
    auto& seen = *static_cast<Seen*>(self);
    const auto number = [](const void* p) { return reinterpret_cast<uintptr_t>(p); };
    if (seen.n < 256) seen.segments[seen.n++] = {s->green_id, s->kind, number(s->low), number(s->high), number(s->sp), number(s->pc)};
    seen.bad += s->size != sizeof *s || s->low > s->sp || s->sp >= s->high;
    return 0;
  }
  const Segment* of(uint64_t id, int kind = CW_SEGMENT_USER) const {
    for (int i = 0; i < n; ++i)
      if (segments[i].id == id && segments[i].kind == kind) return &segments[i];
    return nullptr;
  }
  // What is in use of the segment holds the variable.
  bool holds(uint64_t id, const void* variable) const {
    const Segment* s = of(id);
    const auto at = reinterpret_cast<uintptr_t>(variable);
    return s != nullptr && at >= s->sp && at < s->high;
  }
};

// A green thread, or a thread of the host in a callback, that counts as fast as it can.
struct Counter {
  std::atomic<uint64_t> id{0};
  std::atomic<uint64_t> count{0};
  const void* local = nullptr;

  template <class Step>
  void run(const std::atomic<bool>& over, Step step) {
    volatile uint64_t on_stack = 0;
    local = const_cast<const uint64_t*>(&on_stack);
    id = cw_green_id();
    while (!over.load(std::memory_order_relaxed)) {
      count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      on_stack = on_stack + 1;
      step();
    }
  }
};

void wait_for(const Counter& counter) {
  while (counter.count.load() == 0) std::this_thread::yield();
}

TEST_CASE("no managed code runs during a stop: hogs, callers of C, parkers, callbacks; and all of them go on") {
  Runtime runtime(2);
  std::atomic<bool> over{false};
  Counter hog[3], out, in, yielder;
  std::vector<causeway::task<void>> tasks;
  if (!CW_TSAN)  // it delivers no signal to a thread that calls nothing
    for (Counter& each : hog) tasks.push_back(causeway::spawn([&] { each.run(over, [] {}); }));
  tasks.push_back(causeway::spawn([&] { out.run(over, [] { causeway::call([] {}); }); }));
  tasks.push_back(causeway::spawn([&] { yielder.run(over, [] { causeway::this_green::yield(); }); }));
  HostThread host([&] { enter([&] { in.run(over, [] { causeway::call([] { enter([] {}); }); }); }); });
  std::vector<const Counter*> all{&out, &in, &yielder};
  if (!CW_TSAN)
    for (Counter& each : hog) all.push_back(&each);
  for (const Counter* each : all) wait_for(*each);
  static Seen seen;
  int moved = 0, missed = 0;
  for (int round = 0; round < 50; ++round) {
    uint64_t before[8], after[8];
    seen.n = 0;
    const cw_status status = stop_world([&] {
      for (size_t i = 0; i < all.size(); ++i) before[i] = all[i]->count.load(std::memory_order_relaxed);
      cw_world_visit_all(Seen::visitor, &seen);
      timespec nap{0, 200'000};
      nanosleep(&nap, nullptr);
      for (size_t i = 0; i < all.size(); ++i) after[i] = all[i]->count.load(std::memory_order_relaxed);
    });
    REQUIRE_MESSAGE(status == CW_OK, cw_last_error());
    for (size_t i = 0; i < all.size(); ++i) {
      moved += before[i] != after[i];
      missed += !seen.holds(all[i]->id, all[i]->local);
    }
  }
  CHECK(moved == 0);
  CHECK(seen.bad == 0);
  CHECK(missed == 0);
  for (const Counter* each : all) {
    const uint64_t now = each->count.load();
    CHECK(eventually([&] { return each->count.load() > now; }));
  }
  CHECK(stats().world_stops >= 50);
  over = true;
  for (auto& task : tasks) task.join();
}

TEST_CASE("a green thread stops the world, also one that runs a callback, and sees itself") {
  Runtime runtime(2);
  const auto look = [] {
    static Seen seen;
    seen.n = 0;
    int here = 0;
    const uint64_t id = cw_green_id();
    CHECK(stop_world([&] { CHECK(cw_world_visit(Seen::visitor, &seen) == CW_OK); }) == CW_OK);
    CHECK(seen.holds(id, &here));
  };
  causeway::spawn(look).join();
  on_thread([&] { CHECK(enter(look) == CW_OK); });
  causeway::spawn([&] { causeway::call([&] { CHECK(enter(look) == CW_OK); }); }).join();
}

TEST_CASE("nested calls: each green thread's part, and the C code between") {
  Runtime runtime(2);
  static Seen seen;
  seen.n = 0;
  uint64_t outer = 0, inner = 0;
  int in_outer = 0, in_inner = 0;
  const void* in_c = nullptr;
  causeway::spawn([&] {
    int here = 0;
    outer = cw_green_id();
    causeway::call([&] {
      int c_local = 0;
      in_c = &c_local;
      enter([&] {
        int there = 0;
        inner = cw_green_id();
        CHECK(stop_world([&] { cw_world_visit_all(Seen::visitor, &seen); }) == CW_OK);
        in_outer = seen.holds(outer, &here);
        in_inner = seen.holds(inner, &there);
      });
    });
  }).join();
  CHECK(in_outer == 1);
  CHECK(in_inner == 1);
  const Segment* c = seen.of(outer, CW_SEGMENT_C);
  REQUIRE(c != nullptr);
  CHECK(c->low == c->sp);
  CHECK(c->low < reinterpret_cast<uintptr_t>(in_c));
  CHECK(c->high > reinterpret_cast<uintptr_t>(in_c));
}

TEST_CASE("what is asked for at the wrong time or with nonsense") {
  const auto nothing = [](void*) {};
  CHECK(cw_world_run(0, nullptr, nullptr) == CW_E_INVALID);
  CHECK(cw_world_run(CW_FOREVER, nothing, nullptr) == CW_E_NOT_READY);
  Runtime runtime(2);
  CHECK(cw_world_visit(Seen::visitor, nullptr) == CW_E_STATE);
  CHECK(cw_world_visit(nullptr, nullptr) == CW_E_INVALID);
  CHECK(cw_world_visit_all(nullptr, nullptr) == CW_E_INVALID);
  cw_status nested = CW_OK;
  CHECK(stop_world([&] { nested = cw_world_run(CW_FOREVER, nothing, nullptr); }) == CW_OK);
  CHECK(nested == CW_E_STATE);
}

// What the function of a stop must not call, and calls all the same: told so, and nothing hangs.
void calls_what_it_must_not(causeway::channel<int>& channel) {
  cw_status in = CW_OK, spawned = CW_OK, attached = CW_OK, slept = CW_OK, nested = CW_OK;
  bool sent = true;
  const auto nothing = [](void*) {};
  CHECK(stop_world([&] {
          in = cw_enter(nothing, nullptr);
          spawned = cw_green_spawn(nothing, nullptr, nullptr, nullptr);
          attached = cw_thread_attach();
          slept = cw_green_sleep(1'000'000);
          nested = cw_world_run(CW_FOREVER, nothing, nullptr);
          int item = 1;
          sent = channel.try_send(item) == CW_OK;
        }) == CW_OK);
  CHECK(nested == CW_E_STATE);
  CHECK(in == CW_E_ASYNC);
  CHECK(spawned == CW_E_ASYNC);
  CHECK(attached != CW_OK);
  CHECK(slept != CW_OK);
  CHECK_FALSE(sent);  // nobody receives
}

TEST_CASE("the library's other functions answer the function of a stop as a signal handler") {
  Runtime runtime(2);
  causeway::channel<int> channel(0);
  SUBCASE("a thread that never called in") {
    on_thread([&] { calls_what_it_must_not(channel); });
  }
  SUBCASE("a thread that did") {
    on_thread([&] {
      enter([] {});
      calls_what_it_must_not(channel);
      int ran = 0;
      CHECK(enter([&] { ran = 1; }) == CW_OK);
      CHECK(ran == 1);
    });
  }
  SUBCASE("a green thread") {
    causeway::spawn([&] { calls_what_it_must_not(channel); }).join();
  }
  SUBCASE("a callback") {
    on_thread([&] { enter([&] { calls_what_it_must_not(channel); }); });
  }
}

TEST_CASE("C++: the function's answer, and a time-out that throws") {
  Runtime runtime(2);
  int ran = 0;
  causeway::world_run(10s, [&]() noexcept { ++ran; });
  CHECK(ran == 1);
  std::atomic<bool> over{false}, stopped{false};
  HostThread other([&] {
    causeway::world_run(10s, [&]() noexcept {
      stopped = true;
      while (!over) std::this_thread::yield();
    });
  });
  while (!stopped) std::this_thread::yield();
  cw_status status = CW_OK;
  try {
    causeway::world_run(1ms, []() noexcept {});
  } catch (const causeway::error& e) { status = e.status(); }
  over = true;
  CHECK(status == CW_E_TIMEOUT);
}

TEST_CASE("stops from many threads take turns, and nobody is forgotten") {
  Runtime runtime(2);
  std::atomic<int> inside{0}, wrong{0}, done{0};
  const auto stops = [&] {
    for (int i = 0; i < 30; ++i) {
      const cw_status status = stop_world([&] { wrong += inside.fetch_add(1) != 0, inside.fetch_sub(1), ++done; }, 30'000'000'000);
      wrong += status != CW_OK;
    }
  };
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(causeway::spawn(stops));
  std::vector<std::unique_ptr<HostThread>> threads;
  for (int i = 0; i < 2; ++i) threads.push_back(std::make_unique<HostThread>(stops));
  for (int i = 0; i < 2; ++i) threads.push_back(std::make_unique<HostThread>([&] { enter(stops); }));
  for (auto& task : tasks) task.join();
  threads.clear();
  CHECK(wrong == 0);
  CHECK(done == 7 * 30);
}

TEST_CASE("a callback that spins with all signals blocked: the stop ends in time, with its thread's name, and everything goes on") {
  Runtime runtime(2);
  std::atomic<bool> over{false};
  std::atomic<int> thread{0};
  Counter counter;
  HostThread host([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    thread = tid();
    enter([&] { counter.run(over, [] {}); });
  });
  wait_for(counter);
  CHECK(stop_world([] {}, 50'000'000) == CW_E_TIMEOUT);
  const std::string text = cw_last_error();
  CHECK_MESSAGE(text.find(std::to_string(thread)) != std::string::npos, text);
  const uint64_t now = counter.count;
  CHECK(eventually([&] { return counter.count.load() > now; }));
  int ran = 0;
  causeway::spawn([&] { ran = 1; }).join();
  CHECK(ran == 1);
  over = true;
}

// Real-time signals that have a handler.
int installed_handlers() {
  int count = 0;
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) {
    struct sigaction action{};
    sigaction(signal, nullptr, &action);
    count += (action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler != SIG_DFL;
  }
  return count;
}

TEST_CASE("a runtime after one whose signal is still under way has its signal all the same") {
  for (int round = 0; round < 2; ++round) {
    const causeway::runtime runtime;
    std::atomic<bool> over{false};
    Counter spins, blocks;
    HostThread blocked([&] {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      enter([&] { blocks.run(over, [] {}); });
    });
    wait_for(blocks);
    CHECK(stop_world([] {}, 20'000'000) == CW_E_TIMEOUT);
    over = true;
    blocked.join();
    const int kept = installed_handlers();
    CHECK(kept == 1);
    // With the signal one that only computes is stopped.
    std::atomic<bool> done{false};
    auto task = causeway::spawn([&] { spins.run(done, [] {}); });
    wait_for(spins);
    if (!CW_TSAN) CHECK(stop_world([] {}) == CW_OK);
    done = true;
    task.join();
  }
  // The threads that had it pending are gone, and so it is given back.
  CHECK(installed_handlers() == 0);
}

TEST_CASE(
    "INV-SIG3: a signal that a thread has blocked through a stop of the world arrives after the end of the runtime, and does no harm") {
  std::atomic<bool> over{false}, returned{false}, ended{false}, unblocked{false};
  Counter counter;
  std::unique_ptr<HostThread> host;
  {
    const causeway::runtime runtime;
    host = std::make_unique<HostThread>([&] {
      sigset_t all, before;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, &before);
      enter([&] { counter.run(over, [] {}); });
      returned = true;
      while (!ended) std::this_thread::yield();
      sigset_t pending;
      sigpending(&pending);
      int waiting = 0;
      for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) waiting += sigismember(&pending, signal);
      CHECK(waiting == 1);
      pthread_sigmask(SIG_SETMASK, &before, nullptr);  // here it comes
      unblocked = true;
    });
    wait_for(counter);
    CHECK(stop_world([] {}, 20'000'000) == CW_E_TIMEOUT);
    over = true;
    CHECK(eventually([&] { return returned.load(); }));
  }
  ended = true;
  CHECK(eventually([&] { return unblocked.load(); }));
}

}  // namespace
