// SPDX-License-Identifier: MIT
//
// Foreign unwinding: C code below a callback ends its thread. The frames of C, of managed code and of C again are cleaned up in this order, each on its
// own stack and in its own state, and nothing of ours is left.
//
// Risk: a record, an M or an anchor that stays behind; a destructor that runs as managed code while the runtime takes the thread for one in C; a handler
// of ours that swallows what is not ours.
#include <pthread.h>
#include <unwind.h>

#include <atomic>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::entry;

// What was cleaned up, in order: 'c' in C, 'm' in managed code (which may call the runtime there), '!' if it was the wrong one.
struct Trail {
  static inline std::string seen;  // of one thread at a time
};
struct InC {
  ~InC() { Trail::seen += cw_on_green() == 0 ? 'c' : '!'; }
};
_Unwind_Exception minor;
void raise_minor(void*) {
  minor.exception_class = 0x4d494e4f52000000;  // "MINOR", of no language that anybody knows
  _Unwind_RaiseException(&minor);
}
bool raises_in_cleanup = false;  // managed code calls C while it is unwound, and catches what that raises

struct Managed {
  ~Managed() {
    if (raises_in_cleanup) {
      try {
        causeway::call([] { raise_minor(nullptr); });
        Trail::seen += '!';
      } catch (...) {}
    }
    causeway::this_green::yield();
    int out = 0;
    causeway::call([&out] { out = cw_on_green() == 0; });  // a call out of its own
    Trail::seen += cw_on_green() == 1 && out == 1 ? 'm' : '!';
  }
};

[[noreturn]] void end_thread() {
  const InC cleanup;
  pthread_exit(nullptr);
}
void wait_for_cancellation() {
  const InC cleanup;
  for (;;) pause();
}
void (*ends)() = nullptr;

void callback(int depth) {
  const Managed managed;
  causeway::call([depth] {
    const InC cleanup;
    if (depth == 0) ends();
    else entry<&callback>(depth - 1);
  });
  Trail::seen += '!';
}

void check_clean() {
  const cw_stats now = stats();
  CHECK(now.foreign_threads == 0);
}

void run_to_the_end(void (*how)(), int depth, bool cancel) {
  ends = how;
  Trail::seen.clear();
  std::atomic<bool> began{false};
  HostThread thread([&] {
    const InC cleanup;
    // The thread has been used before, and its warm green thread is there.
    CHECK(enter([] {}) == CW_OK);
    began = true;
    entry<&callback>(depth);
    Trail::seen += '!';
  });
  if (cancel) {
    CHECK(eventually([&] { return began.load(); }));
    pthread_cancel(thread.native());
  }
  thread.join();
  std::string expected = "c";
  for (int i = 0; i <= depth; ++i) expected += "cm";
  CHECK(Trail::seen == expected + "c");
  check_clean();
}

TEST_CASE("pthread_exit in C below callbacks: each frame is cleaned up on its own stack, records and M come back") {
  Runtime runtime(2);
  for (int depth = 0; depth < 4; ++depth) run_to_the_end(&end_thread, depth, false);
}

TEST_CASE("pthread_exit in C below callbacks whose cleanup catches what other C raises: it is still the thread's end that came from C") {
  Runtime runtime(2);
  raises_in_cleanup = true;
  for (int depth = 0; depth < 3; ++depth) run_to_the_end(&end_thread, depth, false);
  raises_in_cleanup = false;
}

TEST_CASE("a leaf call that is left by what C raised is over: the thread calls in and out again") {
  Runtime runtime(2);
  on_thread([] {
    CHECK(enter([] {
            bool caught = false;
            try {
              cw_call(CW_LEAF, &raise_minor, nullptr);
            } catch (...) { caught = true; }
            CHECK(caught);
            int back = 0;
            causeway::call([&back] { CHECK(enter([&back] { back = 1; }) == CW_OK); });
            CHECK(back == 1);
          }) == CW_OK);
  });
}

TEST_CASE("pthread_cancel of a thread that waits in C below callbacks") {
  Runtime runtime(2);
  for (int depth = 0; depth < 4; ++depth) run_to_the_end(&wait_for_cancellation, depth, true);
}

// Before C++'s own exceptions lies what the C++ library knows of them; before this one, what nobody may follow.
struct {
  uintptr_t before[16];
  _Unwind_Exception exception;
} of_another_language;
void raise_another_languages() {
  const InC cleanup;
  for (uintptr_t& each : of_another_language.before) each = 8;
  of_another_language.exception.exception_class = 0x4f54484552000000;  // "OTHER"
  _Unwind_RaiseException(&of_another_language.exception);
}

TEST_CASE("an exception of another language passes callbacks up to the C code that handles it, and the thread calls in again") {
  Runtime runtime(2);
  for (int depth = 0; depth < 4; ++depth) {
    ends = &raise_another_languages;
    Trail::seen.clear();
    std::string expected = "c";
    for (int i = 0; i <= depth; ++i) expected += "cm";
    int caught = 0;
    HostThread([&] {
      for (int i = 0; i < 2; ++i) {
        try {
          entry<&callback>(depth);
        } catch (...) { ++caught; }
      }
      CHECK(enter([] {}) == CW_OK);
    }).join();
    CHECK(caught == 2);
    CHECK(Trail::seen == expected + expected);
    check_clean();
  }
}

TEST_CASE("cancellation is deferred while managed code runs and waits, until it is in C") {
  Runtime runtime(2);
  causeway::event go;
  std::atomic<bool> waits{false}, went_on{false};
  Trail::seen.clear();
  HostThread thread([&] {
    const InC cleanup;
    // No CHECK around it: that would swallow what unwinds.
    enter([&] {
      const Managed managed;
      waits = true;
      go.wait();  // no cancellation point
      causeway::this_green::sleep_for(1ms);
      went_on = true;
      causeway::call([] {
        const InC inner;
        pthread_testcancel();
        Trail::seen += '!';
      });
    });
    Trail::seen += '!';
  });
  CHECK(eventually([&] { return waits.load(); }));
  pthread_cancel(thread.native());
  go.set();
  thread.join();
  CHECK(went_on.load());
  CHECK(Trail::seen == "cmc");
  check_clean();
}

// A cleanup handler of C that calls in: the runtime is usable from there.
void calls_in(void* times) {
  *static_cast<int*>(times) += enter([] { causeway::this_green::yield(); }) == CW_OK ? 1 : 1000;
}

TEST_CASE("cleanup handlers of C, below and above the callback, call in") {
  Runtime runtime(2);
  int times = 0;
  on_thread([&times] {
    pthread_cleanup_push(&calls_in, &times);
    enter([&times] {
      call([&times] {
        pthread_cleanup_push(&calls_in, &times);
        pthread_exit(nullptr);
        pthread_cleanup_pop(0);
      });
    });
    pthread_cleanup_pop(0);
  });
  CHECK(times == 2);
  check_clean();
}

TEST_CASE("a thousand threads that end so leave nothing") {
  Runtime runtime(2);
  const int n = few() ? 50 : 1'000;
  ends = &end_thread;
  const auto run = [&] {
    Trail::seen.clear();
    on_thread([] { entry<&callback>(1); });
  };
  for (int i = 0; i < 10; ++i) run();
  const auto maps = count_maps();
  const uint64_t bytes = stats().stack_bytes;
  for (int i = 0; i < n; ++i) run();
  CHECK(stats().stack_bytes == bytes);
  CHECK(stats().foreign_threads == 0);
  CHECK(count_maps() <= maps + 8);
}

TEST_CASE("exceptions that managed code handles at the call out stay with it") {
  Runtime runtime(2);
  std::string in_c, managed, host;
  const auto handled = []() -> std::string {
    try {
      if (const std::exception_ptr now = std::current_exception()) std::rethrow_exception(now);
    } catch (int n) { return std::to_string(n); }
    return "none";
  };
  struct Note {
    std::string& text;
    decltype(handled)& look;
    ~Note() { text += look(); }
  };
  on_thread([&] {
    const Note of_host{host, handled};
    enter([&] {
      try {
        throw 1;
      } catch (int) {
        const Note of_managed{managed, handled};
        causeway::call([&] {
          const Note of_c{in_c, handled};
          pthread_exit(nullptr);
        });
      }
    });
  });
  CHECK(in_c == "none");
  CHECK(managed == "1");
  CHECK(host == "none");
  check_clean();
}

}  // namespace
