// SPDX-License-Identifier: MIT
//
// triple: a scanner stops the world in a loop while green threads enter and leave calls to C, from deep and from shallow stacks, some of them with a
// callback and a call out below it. In each stop the record of a call that is in progress says where its green thread stands: the sp lies in that
// one's own stack, right below the frame that called, and the pc is the one of that call's place.
//
// Risk: cgo's fault of 2014: a scanner pairs an sp that is new with bounds or a pc that are old, and reads another stack.
//
//   triple                 exit status 0, or what did not fit together
//   triple --expect-wrong  the same in a child that must not end well: for a build in which the anchor is stored before the record
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "causeway/causeway.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kCallers = 4, kMostDeep = 16;
constexpr size_t kFrame = 4096;        // of one level: deep and shallow are far apart
constexpr uintptr_t kNear = 3 * 4096;  // how far below the caller's frame the record may point; sanitizers have large frames

// What a caller says of its call: `calling` in managed code, before and after it; `in_c` in C code, which goes on during a stop: who finds it true then
// knows that the call was in progress all the time.
struct Caller {
  std::atomic<uint64_t> id{0};
  std::atomic<uintptr_t> frame{0};
  std::atomic<int> place{0};
  std::atomic<bool> calling{false}, in_c{false};
  // Of the scanner: the stack, and the pc of each place.
  uintptr_t low = 0, high = 0, pc[2]{};
  uint64_t looks = 0;
};

Caller callers[2 * kCallers];  // a green thread's, and that of the callback below it
std::atomic<bool> over{false};
std::atomic<uint64_t> calls{0};
std::atomic<int> wrong{0};

void in_c(Caller& caller) {
  caller.in_c.store(true, std::memory_order_relaxed);
  for (volatile int i = 0; i < 300;) i = i + 1;
}

// The two places of a call are two instantiations.
template <int kPlace, class Below>
[[gnu::noinline]] void call_here(Caller& caller, Below& below) {
  caller.frame.store(reinterpret_cast<uintptr_t>(__builtin_frame_address(0)), std::memory_order_relaxed);
  caller.place.store(kPlace, std::memory_order_relaxed);
  caller.calling.store(true, std::memory_order_relaxed);
  causeway::call([&] {
    in_c(caller);
    below();
    caller.in_c.store(false, std::memory_order_relaxed);
  });
  caller.calling.store(false, std::memory_order_relaxed);
  calls.fetch_add(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // not a tail call
}

template <class Below>
[[gnu::noinline]] void go_down(Caller& caller, int depth, Below& below) {
  volatile char room[kFrame];
  room[0] = static_cast<char>(depth);
  if (depth > 0) go_down(caller, depth - 1, below);
  else if (calls.load(std::memory_order_relaxed) % 2 == 0) call_here<0>(caller, below);
  else call_here<1>(caller, below);
  room[kFrame - 1] = room[0];
}

void run_caller(int n) {
  Caller& own = callers[n];
  own.id = cw_green_id();
  uint32_t random = static_cast<uint32_t>(n + 1) * 2654435761U;
  while (!over.load(std::memory_order_relaxed)) {
    random = random * 1664525 + 1013904223;
    if ((random >> 8) % 16 == 0) causeway::this_green::yield();  // there are fewer processors than callers
    const int depth = static_cast<int>(random >> 16) % kMostDeep;
    if (n % 2 == 0) {
      auto nothing = [] {};
      go_down(own, depth, nothing);
      continue;
    }
    Caller& nested = callers[kCallers + n];
    auto calls_back = [&] {
      causeway::enter([&] {
        nested.id.store(cw_green_id(), std::memory_order_relaxed);
        auto nothing = [] {};
        go_down(nested, kMostDeep / 4 - depth % 4, nothing);
        nested.id.store(0, std::memory_order_relaxed);
      });
    };
    go_down(own, depth, calls_back);
  }
}

void complain(const char* what, const Caller& caller, const cw_segment& segment) {
  if (wrong.fetch_add(1) != 0) return;
  char text[256];
  const int n = std::snprintf(text, sizeof text, "triple: %s: sp=%p pc=%p [%p, %p], the caller's frame %#lx\n", what, segment.sp,
                              segment.pc, segment.low, segment.high, static_cast<unsigned long>(caller.frame.load()));
  static_cast<void>(!write(STDERR_FILENO, text, static_cast<size_t>(n)));
}

int look(const cw_segment* segment, void*) {
  if (segment->kind != CW_SEGMENT_USER) return 0;
  for (Caller& caller : callers) {
    if (caller.id.load(std::memory_order_relaxed) != segment->green_id) continue;
    const auto number = [](const void* p) { return reinterpret_cast<uintptr_t>(p); };
    const uintptr_t sp = number(segment->sp), low = number(segment->low), high = number(segment->high);
    const bool permanent = &caller < callers + kCallers;  // a callback's stack is another one each time
    if (permanent && caller.high == 0) caller.low = low, caller.high = high;
    if (permanent && (low != caller.low || high != caller.high)) complain("the bounds have changed", caller, *segment);
    if (sp < low || sp >= high) complain("sp outside of the bounds", caller, *segment);
    const uintptr_t frame = caller.frame.load(std::memory_order_relaxed);
    if (caller.calling.load(std::memory_order_relaxed) && (frame < sp || frame - sp > kNear))
      complain("sp is not that of the call in progress", caller, *segment);
    if (!caller.in_c.load(std::memory_order_relaxed)) return 0;
    ++caller.looks;
    uintptr_t& pc = caller.pc[caller.place.load(std::memory_order_relaxed)];
    if (pc == 0) pc = number(segment->pc);
    if (pc != number(segment->pc)) complain("pc is not that of the call in progress", caller, *segment);
    return 0;
  }
  return 0;
}

int run() {
  uint64_t stops = 0;
  {
    causeway::options options;
    options.processors = 2;
    options.stack_size = 256 * 1024;
    const causeway::runtime runtime(options);
    std::vector<causeway::task<void>> tasks;
    for (int i = 0; i < kCallers; ++i) tasks.push_back(causeway::spawn([i] { run_caller(i); }));
    const auto scanned_enough = [] {
      for (int i = 0; i < kCallers; ++i)
        if (callers[i].looks < 100 || (i % 2 == 1 && callers[kCallers + i].looks < 20)) return false;
      return true;
    };
    const auto start = Clock::now();
    while (wrong == 0 && (Clock::now() - start < 1s || (!scanned_enough() && Clock::now() - start < 60s))) {
      if (cw_world_run(30'000'000'000, [](void*) { cw_world_visit_all(look, nullptr); }, nullptr) != CW_OK) {
        std::fprintf(stderr, "triple: %s\n", cw_last_error());
        ++wrong;
        break;
      }
      ++stops;
      std::this_thread::sleep_for(20us);  // they go on, and are elsewhere at the next stop
    }
    if (wrong == 0 && !scanned_enough()) {
      std::fprintf(stderr, "triple: a caller was not met in C often enough in %llu stops\n", static_cast<unsigned long long>(stops));
      ++wrong;
    }
    over = true;
    for (auto& task : tasks) task.join();
  }
  uint64_t looks = 0;
  for (const Caller& caller : callers) looks += caller.looks;
  std::printf("%llu stops, %llu calls in progress looked at, %llu calls\n", static_cast<unsigned long long>(stops),
              static_cast<unsigned long long>(looks), static_cast<unsigned long long>(calls.load()));
  return wrong == 0 ? 0 : 1;
}

int expect_wrong() {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    _exit(run());
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    std::fprintf(stderr, "the planted order was not seen\n");
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return argc >= 2 && std::strcmp(argv[1], "--expect-wrong") == 0 ? expect_wrong() : run(); }
