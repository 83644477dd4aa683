// SPDX-License-Identifier: MIT
//
// A warm call in or out makes no system call and no allocation, and locks nothing: counted (census.hpp), on a bound thread, on the main thread,
// and on a worker; typed and not; nested; with membarrier and with fences, also after the other (TestCgoNoEscape).
//
// Risk: something that is needed once in a million calls is asked for in each. A worker's processor may be taken while the system lets its
// thread wait, and then it has to ask for one: so each kind is counted in rounds, until enough of them were free of it. What a call costs each
// time, or now and then, shows in all of them, however long that goes on. The counters are shown to count first.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/cpp/inbound/census.hpp"

namespace {

constexpr int kClean = 15, kMostRounds = 300, kCalls = 200;

int failed = 0;

int answer(int value) { return value + 1; }
void nothing(void*) {}
volatile int sink = 0;

// --- what is counted --------------------------------------------------------------------------------------------------------------

// From C.
void call_in() { cw_enter(nothing, nullptr); }
void typed_call_in() { sink = causeway::entry<&answer>(sink); }
void call_in_with_a_result() {
  sink = causeway::enter([](int a) { return a + 1; }, 1);
}
void call_in_and_out() {
  cw_enter([](void*) { cw_call(CW_QUICK, nothing, nullptr); }, nullptr);
}
void nested_calls() {
  cw_enter([](void*) { cw_call(CW_QUICK, [](void*) { cw_enter([](void*) { cw_call(CW_QUICK, nothing, nullptr); }, nullptr); }, nullptr); },
           nullptr);
}

// On a green thread.
void call_out() { cw_call(CW_QUICK, nothing, nullptr); }
void leaf_call() { cw_call(CW_LEAF, nothing, nullptr); }
void typed_call_out() { sink = causeway::call(answer, sink); }
void call_with_errno() { sink = causeway::call_errno(answer, sink).result; }
void call_out_and_in() {
  cw_call(CW_QUICK, [](void*) { cw_enter(nothing, nullptr); }, nullptr);
}

struct Kind {
  const char* name;
  void (*run)();
};
const Kind kFromC[] = {{"call in", call_in},
                       {"typed call in", typed_call_in},
                       {"call in with a result", call_in_with_a_result},
                       {"call in and out", call_in_and_out},
                       {"nested calls", nested_calls}};
const Kind kOnGreen[] = {{"call out", call_out},
                         {"leaf call", leaf_call},
                         {"typed call out", typed_call_out},
                         {"call with errno", call_with_errno},
                         {"call out and in", call_out_and_in}};

// --- counting ---------------------------------------------------------------------------------------------------------------------

void count(const char* where, const Kind& kind) {
  int rounds = 0, clean = 0, moved = 0;
  census::Counts worst{};
  for (int i = 0; i < kCalls; ++i) kind.run();  // warm
  for (; clean < kClean && rounds < kMostRounds; ++rounds) {
    const pid_t before = gettid();
    census::begin();
    for (int i = 0; i < kCalls; ++i) kind.run();
    const census::Counts counts = census::end();
    const bool same = gettid() == before;
    moved += !same;
    if (same && counts.system_calls + counts.allocations == 0) ++clean;
    else if (counts.system_calls + counts.allocations > worst.system_calls + worst.allocations) worst = counts;
  }
  if (clean == kClean) return;
  std::printf(
      "%s, %s: %d of %d rounds of %d calls without system calls and allocations, at most %llu and %llu (first: system call %ld); %d moved\n",
      where, kind.name, clean, rounds, kCalls, static_cast<unsigned long long>(worst.system_calls),
      static_cast<unsigned long long>(worst.allocations), worst.first_system_call, moved);
  ++failed;
}

void count_locks(const char* where, const Kind& kind) {
  int calls = 0, clean = 0;
  census::Steps worst{};
  for (int i = 0; i < kCalls; ++i) kind.run();
  for (; clean < kClean && calls < kMostRounds; ++calls) {
    const census::Steps steps = census::step([](void* run) { reinterpret_cast<void (*)()>(run)(); }, reinterpret_cast<void*>(kind.run));
    if (steps.locked + steps.system_calls == 0) ++clean;
    else if (steps.locked > worst.locked) worst = steps;
  }
  if (clean == kClean) return;
  std::printf("%s, %s: %d of %d calls without locked instructions, at most %llu of %llu (first at %#zx, main is at %p)\n", where, kind.name,
              clean, calls, static_cast<unsigned long long>(worst.locked), static_cast<unsigned long long>(worst.instructions),
              worst.first_locked, reinterpret_cast<void*>(&count_locks));
  ++failed;
}

template <size_t N>
void count_all(const char* where, const Kind (&kinds)[N], bool locks) {
  for (const Kind& kind : kinds) count(where, kind);
  for (const Kind& kind : kinds)
    if (locks) count_locks(where, kind);
}

// The counters do count.
void count_the_counters() {
  census::begin();
  for (int i = 0; i < 10; ++i) {
    syscall(SYS_getppid);
    void* volatile block = malloc(100);  // not left out
    free(block);
    block = ::operator new(8);
    ::operator delete(block);
  }
  const census::Counts counts = census::end();
  static std::atomic<int> atomic{0};
  const census::Steps steps = census::step([](void*) { atomic.fetch_add(1), atomic.exchange(2); }, nullptr);
  const bool stepped = steps.instructions == 0 || steps.locked == 2;
  if (counts.system_calls == 10 && counts.allocations == 20 && stepped) return;
  std::printf("the counters do not count: %llu system calls, %llu allocations, %llu locked instructions\n",
              static_cast<unsigned long long>(counts.system_calls), static_cast<unsigned long long>(counts.allocations),
              static_cast<unsigned long long>(steps.locked));
  ++failed;
}

void on_main_or_foreign(const char* where, bool locks) {
  count_all(where, kFromC, locks);
  cw_enter([](void* at) { count_all(static_cast<const char*>(at), kOnGreen, false); }, const_cast<char*>(where));
}

// The first call starts the runtime: the thread's record is older than it.
void run_implicit() {
  on_main_or_foreign("the main thread, whose call started the runtime", true);
  cw_runtime_stop(CW_FOREVER);
}

void run(int barrier) {
  causeway::options options;
  options.processors = 1;
  options.barrier = barrier;
  causeway::runtime runtime(options);
  const bool locks = barrier == CW_BARRIER_AUTO;  // a fence is one
  const char* name = locks ? "a foreign thread" : "a foreign thread, with fences";
  on_main_or_foreign(locks ? "the main thread" : "the main thread, with fences", locks);
  std::thread([&] {
    census::watch_this_thread();
    on_main_or_foreign(name, locks);
  }).join();
  causeway::spawn([&] {
    census::watch_this_thread();
    count_all(locks ? "a worker" : "a worker, with fences", kOnGreen, locks);
  }).join();
}

}  // namespace

int main() {
  // A check mode is there to do more than that.
  unsetenv("CAUSEWAY_CHECK");
  if (!census::watch_this_thread()) {
    std::printf("this system has no filters of system calls\n");
    return 77;
  }
  count_the_counters();
  run_implicit();
  run(CW_BARRIER_AUTO);
  run(CW_BARRIER_FENCE);
  run(CW_BARRIER_AUTO);  // the main thread's record has seen all of them
  if (failed != 0) std::printf("%d kinds of calls do more than they may\n", failed);
  return failed != 0;
}
