// SPDX-License-Identifier: MIT
//
// C functions that ask what is in progress on their own thread, called by C code that has jumped over callbacks, with no call in between that would see it.
//
// Risk: a stop of the runtime that waits for the thread that stops it; a thread that cannot give its place back, and is taken for the green thread that it
// jumped out of.
#include "tests/cpp/inbound/jumping.hpp"  // first: it has its own setjmp.h

#include <sys/wait.h>

#include <cstring>
#include <vector>

namespace {

using namespace crossing_test;
using namespace jumping;
using causeway::entry;

// After a jump of C code below a callback, and of managed code itself.
const std::vector<void (*)(int)>& jumps() {
  static const std::vector<void (*)(int)> both = {entry<&callback>, entry<&jumps_itself>};
  static const std::vector<void (*)(int)> of_c = {entry<&callback>};
  return CW_ASAN ? of_c : both;
}

// With no call in between, which would see the jump for them. A stop that does not see it waits for ever.
TEST_CASE("who has jumped over a callback stops the runtime") {
  for (auto* jump : jumps()) {
    REQUIRE(cw_runtime_start(nullptr) == CW_OK);
    on_thread([jump] {
      CHECK(protected_call(jump, 0));
      CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
    });
  }
}

TEST_CASE("who has jumped over a callback while the runtime stops closes it, and stops the runtime") {
  for (const bool of_c : {true, false}) {
    if (!of_c && CW_ASAN) continue;
    REQUIRE(cw_runtime_start(nullptr) == CW_OK);
    on_thread([of_c] {
      causeway::callback<void(int)> cb{[of_c](int depth) {
        if (of_c) causeway::call(&c_code, depth);
        else jumps_itself(depth);
      }};
      static void (*code)(int);
      code = cb.code();
      CHECK(protected_call([](int depth) { code(depth); }, 0));
      on_thread([] { CHECK(cw_runtime_stop(1'000'000) == CW_E_BUSY); });  // it says whom it waits for; and nobody comes in from here
      CHECK(status_of([&] { cb.close_and_wait(10s); }) == CW_OK);
      CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
    });
  }
}

TEST_CASE("who has jumped over a callback gives its place back, and attaches") {
  Runtime runtime(2);
  for (auto* jump : jumps()) {
    on_thread([jump] {
      CHECK(cw_thread_attach() == CW_OK);
      CHECK(protected_call(jump, 0));
      CHECK(cw_thread_detach() == CW_OK);
      CHECK(stats().foreign_threads == 0);
      CHECK(protected_call(jump, 0));
      CHECK(cw_thread_attach() == CW_OK);
      CHECK(cw_thread_detach() == CW_OK);
    });
  }
}

TEST_CASE("who has jumped over a callback is on no green thread, and its traceback shows none") {
  Runtime runtime(2);
  for (auto* jump : jumps()) {
    on_thread([jump] {
      CHECK(protected_call(jump, 0));
      CHECK(cw_on_green() == 0);
      CHECK(protected_call(jump, 0));
      CHECK(cw_green_id() == 0);
      CHECK(protected_call(jump, 0));
      char text[4096] = "";
      CHECK(cw_traceback(text, sizeof text, CW_TRACE_SELF) != 0);
      CHECK(std::strstr(text, "green thread") == nullptr);
    });
  }
}

#if !CW_ASAN && !CW_TSAN
// Managed code that has jumped to C; what C code jumped over is the parent's business.
TEST_CASE("who has jumped over a callback restarts the runtime in a child of fork()") {
  Runtime runtime(2);
  on_thread([] {
    CHECK(protected_call(entry<&jumps_itself>, 0));
    const pid_t child = fork();
    if (child == 0) {
      bool good = cw_runtime_restart_in_child() == CW_OK && cw_runtime_start(nullptr) == CW_OK && entry<&fine>(1) == 2;
      good = protected_call(entry<&jumps_itself>, 0) && cw_runtime_stop(kLimitNs) == CW_OK && good;
      _exit(good ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  });
}
#endif

TEST_CASE("below a callback that goes on, the same see nothing") {
  Runtime runtime(2);
  on_thread([] {
    CHECK(cw_thread_attach() == CW_OK);
    CHECK(enter([] {
            CHECK(cw_on_green() == 1);
            causeway::call([] {
              CHECK(protected_call(entry<&callback>, 0));
              CHECK(cw_thread_detach() == CW_E_STATE);
              char text[4096] = "";
              CHECK(cw_traceback(text, sizeof text, CW_TRACE_SELF) != 0);
              CHECK(std::strstr(text, "green thread") != nullptr);
            });
            CHECK(cw_on_green() == 1);
            CHECK(causeway::call_leaf([] { return cw_on_green(); }) == 1);
            causeway::this_green::yield();
          }) == CW_OK);
    CHECK(cw_thread_detach() == CW_OK);
  });
}

}  // namespace
