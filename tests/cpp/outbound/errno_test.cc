// SPDX-License-Identifier: MIT
//
// call_errno(): errno as the C function left it, whatever the runtime does on the way back, and errno of each side over crossings (FAULTS 64).
//
// Risk: errno is a word of the OS thread, and everything that the runtime does between the function's return and the caller's look may change
// it: above all the system calls of a processor that was taken meanwhile.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::call_errno;
using causeway::spawn;

int sets(int error, int result) {
  set_errno(error);
  return result;
}
void sets_only(int error) { set_errno(error); }

template <class F>
void everywhere(F body) {
  spawn(body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
  spawn([&] { causeway::call([&] { CHECK(enter(body) == CW_OK); }); }).join();
  on_thread(body);
}

TEST_CASE("TestErrno, Test18126: the result and the errno of a failing call, of one that succeeds, and of one without a result") {
  Runtime runtime(2);
  everywhere([] {
    set_errno(EAGAIN);
    const auto [file, error] = call_errno(fopen, "/no/such/file", "r");
    CHECK(file == nullptr);
    CHECK(error == ENOENT);
    const auto [fd, bad] = call_errno(close, -1);
    CHECK(fd == -1);
    CHECK(bad == EBADF);
    const auto [pid, none] = call_errno(getpid);
    CHECK(pid == getpid());
    CHECK(none == 0);     // not what was there before
    char* end = nullptr;  // by a pointer to it
    const auto [largest, range] = call_errno(strtol, "99999999999999999999 and more", &end, 10);
    CHECK(largest == LONG_MAX);
    CHECK(range == ERANGE);
    CHECK(std::string(end) == " and more");
    CHECK(call_errno(sets_only, 99).error == 99);
    CHECK(call_errno([] { return sets(98, 7); }).error == 98);
    const auto [root, domain] = call_errno(static_cast<double (*)(double)>(std::sqrt), -1.0);
    CHECK(std::isnan(root));
    CHECK(domain == EDOM);
  });
}

int sets_after_a_callback(int error) {
  set_errno(1000);
  static_cast<void>(enter([] {
    set_errno(2000);
    causeway::this_green::sleep_for(10us);
    causeway::call([] { set_errno(3000); });
    set_errno(4000);
  }));
  set_errno(error);
  return error;
}

TEST_CASE("Test3729: after nested callbacks that changed it and while the processor is taken it is still the function's own") {
  Runtime runtime(2);
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 6; ++i)
    tasks.push_back(spawn([i] {
      for (int round = 0; round < 30; ++round) {
        const auto [result, error] = call_errno(sets_after_a_callback, 500 + i);
        CHECK(result == 500 + i);
        CHECK(error == 500 + i);
        // Long enough that the processor goes to another one, who makes calls that fail.
        const auto [slow, kept] = call_errno([&] {
          usleep(1000);
          return sets(600 + i, round);
        });
        CHECK(slow == round);
        CHECK(kept == 600 + i);
        CHECK(causeway::call_errno(close, -1).error == EBADF);
      }
    }));
  for (auto& task : tasks) task.join();
}

TEST_CASE("errno of C is kept over the callbacks that it makes, and errno of a callback over the calls that it makes") {
  Runtime runtime(2);
  on_thread([] {
    for (int round = 0; round < 20; ++round) {
      set_errno(77);
      const cw_status status = enter([] {
        set_errno(88);
        causeway::this_green::yield();
        causeway::this_green::sleep_for(10us);
        const int now = get_errno();
        CHECK(now == 88);
      });
      CHECK(status == CW_OK);
    }
  });
  // What C finds after a call in that did not touch it.
  on_thread([] {
    CHECK(enter([] {}) == CW_OK);
    for (int i = 0; i < 1'000; ++i) {
      set_errno(4711);
      const cw_status status = enter([] {});
      const int now = get_errno();
      CHECK(status == CW_OK);
      CHECK(now == 4711);
    }
  });
}

}  // namespace
