// SPDX-License-Identifier: MIT
//
// Green threads and OS threads: what is kept while C frames are below, what cw_thread_lock() adds to that, and that the two are counted apart.
//
// Risk: the end of a callback undoes a lock that its caller took, or leaves one behind that it took itself; a green thread that nobody locked
// stays on one thread for ever after a call.
#include <stdexcept>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::call;
using causeway::spawn;

TEST_CASE("TestThreadLock: a thousand times C reads its thread, calls back to yield, and reads it again") {
  Runtime runtime(2);
  std::atomic<bool> enough{false};
  auto busy = spawn([&] {
    while (!enough) causeway::this_green::yield();
  });
  spawn([] {
    for (int i = 0; i < 1'000; ++i)
      call([] {
        const int before = tid();
        CHECK(enter([] { causeway::this_green::yield(); }) == CW_OK);
        CHECK(tid() == before);
      });
  }).join();
  enough = true;
  busy.join();
}

TEST_CASE("Test3775: a callback locks and unlocks its thread, calls C, yields: its caller's lock is not touched, nor one left behind") {
  Runtime runtime(2);
  const auto callback = [] {
    CHECK(cw_thread_lock() == CW_OK);
    const int here = tid();
    call([&] {
      CHECK(tid() == here);
      CHECK(enter([] { CHECK(cw_thread_unlock() == CW_E_STATE); }) == CW_OK);  // not this one's
    });
    causeway::this_green::yield();
    CHECK(tid() == here);
    CHECK(cw_thread_unlock() == CW_OK);
    CHECK(cw_thread_unlock() == CW_E_STATE);
    CHECK(cw_thread_lock() == CW_OK);  // and ends locked
  };
  on_thread([&] {
    for (int i = 0; i < 20; ++i) CHECK(enter(callback) == CW_OK);
    CHECK(enter([] { CHECK(cw_thread_unlock() == CW_E_STATE); }) == CW_OK);
  });
  spawn([&] {
    CHECK(cw_thread_lock() == CW_OK);
    const int here = tid();
    for (int i = 0; i < 20; ++i) {
      call([&] { CHECK(enter(callback) == CW_OK); });
      causeway::this_green::sleep_for(10us);
      CHECK(tid() == here);
    }
    CHECK(cw_thread_unlock() == CW_OK);
    CHECK(cw_thread_unlock() == CW_E_STATE);
  }).join();
}

TEST_CASE("TestCallbackPanicLocked: an exception that passes C takes the callback's own lock off, and no other") {
  Runtime runtime(2);
  const auto throws_through_c = [] {
    CHECK_THROWS_WITH_AS(call([] {
                           causeway::enter([] {
                             CHECK(cw_thread_lock() == CW_OK);
                             causeway::this_green::yield();
                             throw std::runtime_error("locked");
                           });
                         }),
                         "locked", std::runtime_error);
  };
  const auto body = [&] {
    throws_through_c();
    CHECK(cw_thread_unlock() == CW_E_STATE);  // none is left
    CHECK(cw_thread_lock() == CW_OK);
    const int here = tid();
    for (int i = 0; i < 20; ++i) {
      throws_through_c();
      causeway::this_green::sleep_for(10us);
      CHECK(tid() == here);
    }
    CHECK(cw_thread_unlock() == CW_OK);
    CHECK(cw_thread_unlock() == CW_E_STATE);
  };
  spawn(body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
}

TEST_CASE("a green thread is free to move again when its call out has returned, whatever its callbacks locked") {
  Runtime runtime(4, "migrate=always");
  spawn([] {
    call([] { CHECK(enter([] { CHECK(cw_thread_lock() == CW_OK); }) == CW_OK); });
    const int first = tid();
    CHECK(eventually([&] {
      causeway::this_green::yield();
      return tid() != first;
    }));
  }).join();
}

TEST_CASE("a locked green thread makes its calls out, quick and blocking, on its own thread, and others run meanwhile") {
  Runtime runtime(1);
  auto locked = spawn({.locked = true}, [] {
    const int here = tid();
    for (int i = 0; i < 20; ++i) {
      std::atomic<bool> ran{false};
      auto other = spawn([&] { ran = true; });
      call([&] {
        CHECK(tid() == here);
        while (!ran) std::this_thread::sleep_for(100us);
      });
      CHECK(tid() == here);
      other.join();
      causeway::call_blocking([&] { CHECK(enter([&] { CHECK(tid() == here); }) == CW_OK); });
      CHECK(tid() == here);
    }
  });
  locked.join();
}

}  // namespace
