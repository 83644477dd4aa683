// SPDX-License-Identifier: MIT
//
// How much of its caller's stack a call in needs, and of a green thread's stack a call out: calls from frames that leave every possible rest of
// it (FAULTS 22, TestCallbackStack).
//
// Risk: a thread of 16 KiB that overflows because of us; a check or an alignment that is wrong for one rest in a thousand. The published
// figures are 2 KiB for a call of a thread that is bound, 4 KiB for its first; a sanitizer's frames are its own affair.
#include "tests/cpp/inbound/support.hpp"

#if !CW_ASAN && !CW_TSAN

#include "runtime/sched/sched.hpp"

namespace {

using namespace crossing_test;

constexpr size_t kFirstCall = 4 * 1024, kCall = 2 * 1024;
constexpr unsigned char kPaint = 0xc5;

void nothing(void*) {}
void parks(void*) { causeway::this_green::sleep_for(1us); }

struct Used {
  size_t first = 0, warm = 0, parking = 0;
};

// Paints what is below, calls, and looks how far down the paint is gone. low: the lowest address that may be painted.
[[gnu::noinline]] size_t measure(char* low, cw_fn fn) {
  char* const top = static_cast<char*>(__builtin_frame_address(0)) - 512;  // below our own frame
  for (volatile char* p = low; p < top; ++p) *p = static_cast<char>(kPaint);
  if (cw_enter(fn, nullptr) != CW_OK) return SIZE_MAX;
  const volatile char* p = low;
  while (p < top && *p == static_cast<char>(kPaint)) ++p;
  return static_cast<size_t>(static_cast<char*>(__builtin_frame_address(0)) - p);
}

void measure_all(char* low, Used* used) {
  used->first = measure(low, nothing);
  used->parking = measure(low, parks);
  used->warm = measure(low, nothing);
}

TEST_CASE("a call in takes at most the published figures of its caller's stack") {
  Runtime runtime(2);
  CHECK(enter([] {}) == CW_OK);  // what is resolved or made once per process is not the thread's affair
  Used on_own, on_coroutine;
  // The smallest stack that threads may have (16 KiB on x86-64), and room for what the C library keeps above it.
  const size_t bytes = static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN));
  const StackMemory memory(bytes);
  HostThread([&] { measure_all(memory.low(), &on_own); }, bytes, memory.low());
  on_thread([&] {
    Coroutine host([&](Coroutine& self) { measure_all(self.low(), &on_coroutine); }, 16 * 1024);
    host.resume();
  });
  for (const Used& used : {on_own, on_coroutine}) {
    INFO("bytes of the caller's stack: first call " << used.first << ", later ones " << used.warm << ", one that parks " << used.parking);
    CHECK(used.first <= kFirstCall);
    CHECK(used.warm <= kCall);
    CHECK(used.parking <= kCall);
  }
}

TEST_CASE("a thread of the smallest size calls in, parks, calls out and is called back") {
  Runtime runtime(2);
  const size_t bytes = static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN));
  const StackMemory memory(bytes);  // with a guard
  for (int i = 0; i < 10; ++i) {
    int calls = 0;
    HostThread(
        [&] {
          const cw_status status = enter([&] {
            causeway::this_green::sleep_for(1us);
            // Without CHECK: what that needs of the stack is not the point.
            if (call([&] {
                  if (enter([&] { ++calls; }) == CW_OK) ++calls;
                }) == CW_OK)
              ++calls;
          });
          if (status == CW_OK) ++calls;
        },
        bytes, memory.low());
    CHECK(calls == 4);
  }
}

// With so much left above the guard page. Whoever needs more gets SIGSEGV.
[[gnu::noinline]] bool call_in_with(const char* low, size_t rest) {
  const auto here = static_cast<size_t>(static_cast<char*>(__builtin_frame_address(0)) - low);
  auto* room = static_cast<volatile char*>(__builtin_alloca(here - rest));
  room[0] = 1;
  return cw_enter(nothing, nullptr) == CW_OK && room[0] == 1;
}

TEST_CASE("TestCallbackStack: calls in from frames that leave each rest of the caller's stack") {
  Runtime runtime(2);
  int failed = 0;
  on_thread([&] {
    Coroutine host(
        [&](Coroutine& self) {
          for (size_t rest = kFirstCall + 5'000; rest >= kFirstCall; rest -= 4) failed += !call_in_with(self.low(), rest);
          for (size_t rest = kCall + 2'000; rest >= kCall; rest -= 1) failed += !call_in_with(self.low(), rest);
        },
        32 * 1024);
    host.resume();
  });
  CHECK(failed == 0);
}

void c_function(void* arg) { ++*static_cast<int*>(arg); }

[[gnu::noinline]] bool call_out_with(const char* low, size_t rest, int kind) {
  const auto here = static_cast<size_t>(static_cast<char*>(__builtin_frame_address(0)) - low);
  auto* room = static_cast<volatile char*>(__builtin_alloca(here - rest));
  int calls = 0;
  room[0] = 1;
  return cw_call(kind, c_function, &calls) == CW_OK && calls == 1 && room[0] == 1;
}

TEST_CASE("calls out from frames that leave each rest of a green thread's stack, of a callback's too") {
  Runtime runtime(2);
  int failed = 0;
  const auto all_rests = [&] {
    const char* low = reinterpret_cast<const char*>(static_cast<causeway::sched::M*>(this_m())->current->stack.low);
    for (const int kind : {CW_QUICK, CW_BLOCKING, CW_LEAF})
      for (size_t rest = kCall + 1'250; rest >= kCall; rest -= 1) failed += !call_out_with(low, rest, kind);
  };
  causeway::spawn({.stack_size = 16 * 1024}, all_rests).join();
  on_thread([&] { CHECK(enter(all_rests) == CW_OK); });
  CHECK(failed == 0);
}

// --- and deep down in C ----------------------------------------------------------------------------------------------------

[[gnu::noinline]] uint64_t sum_down(unsigned levels, uint64_t value) {
  volatile uint64_t mine = value;
  const uint64_t below_here = levels == 0 ? 0 : sum_down(levels - 1, value + 1);
  return below_here + mine;
}

TEST_CASE("TestReturnAfterGrow: the result of a callback that went deep into its stack is right, in C and in whoever called that") {
  Runtime runtime(2);
  constexpr unsigned kLevels = 400;  // of some 50 bytes and more each: most of 64 KiB when built without optimisation
  constexpr uint64_t kSum = (uint64_t{kLevels} + 1) * kLevels / 2 + 7 * (kLevels + 1);
  const auto through_c = [] { return causeway::call([] { return causeway::enter([] { return sum_down(kLevels, 7); }); }); };
  on_thread([&] { CHECK(causeway::enter(through_c) == kSum); });
  CHECK(causeway::spawn(through_c).join() == kSum);
}

}  // namespace

#endif
