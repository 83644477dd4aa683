// SPDX-License-Identifier: MIT
//
// longjmp over our frames, as Lua raises its errors: from C code below callbacks, and from managed code, to a frame of C further out.
//
// Risk: a call in that stays in progress for ever (a stop waits for it, its callback's closer too, the depth grows); an outer call out that finds another
// anchor than its own and stops the process.
//
// AddressSanitizer clears the marks of the frames that a jump leaves on the stack where the jump is made, and knows of no other: of managed code that jumps
// by itself, those of the C frames stay, and later frames of C run into them. So those cases are not for it.
#include "tests/cpp/inbound/jumping.hpp"  // first: it has its own setjmp.h

#include <atomic>
#include <optional>
#include <thread>

namespace {

using namespace crossing_test;
using namespace jumping;
using causeway::entry;

TEST_CASE("Lua style: C code below callbacks jumps over them, a thousand times; depth, records and the stop do not grow") {
  {
    Runtime runtime(2);
    const int n = few() ? 300 : 1'000;
    on_thread([n] {
      for (int i = 0; i < n; ++i) {
        CHECK(protected_call(entry<&callback>, i % 3));
        CHECK(entry<&fine>(i) == i + 1);
      }
    });
    CHECK(stats().records_retired >= static_cast<uint64_t>(n));
  }  // the stop would wait for calls in progress
}

#if !CW_ASAN
TEST_CASE("managed code jumps by itself to C further out") {
  Runtime runtime(2);
  const int n = few() ? 300 : 1'000;
  on_thread([n] {
    for (int i = 0; i < n; ++i) {
      CHECK(protected_call(entry<&jumps_itself>, 0));
      CHECK(entry<&fine>(i) == i + 1);
    }
    protected_call(entry<&jumps_itself>, 0);  // and the thread ends
  });
  CHECK(stats().records_retired >= static_cast<uint64_t>(n));
}
#endif

TEST_CASE("a thread that ends right after a jump leaves nothing") {
  Runtime runtime(2);
  for (int i = 0; i < 20; ++i) on_thread([] { CHECK(protected_call(entry<&callback>, 2)); });
  CHECK(stats().foreign_threads == 0);
}

TEST_CASE("a call out below which it happened returns, and goes on") {
  Runtime runtime(2);
  const auto body = [] {
    for (int i = 0; i < 50; ++i) {
      CHECK(causeway::call([i] { return protected_call(entry<&callback>, i % 3); }));
      if (!CW_ASAN) CHECK(causeway::call([] { return protected_call(entry<&jumps_itself>, 0); }));
      causeway::this_green::yield();
      CHECK(causeway::call(entry<&fine>, 3) == 4);
    }
  };
  causeway::spawn(body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
  CHECK(stats().records_retired > 0);
}

TEST_CASE("a callback that a jump has skipped is not waited for by who closes it") {
  Runtime runtime(2);
  on_thread([] {
    causeway::callback<void(int)> cb{[](int depth) { causeway::call(&c_code, depth); }};
    static void (*code)(int);
    code = cb.code();
    CHECK(protected_call([](int depth) { code(depth); }, 0));
    CHECK(entry<&fine>(1) == 2);  // the next call in sees it
    CHECK(status_of([&] { cb.close_and_wait(10s); }) == CW_OK);
  });
}

TEST_CASE("who has jumped over a callback closes it, without a call in between") {
  Runtime runtime(2);
  for (const bool destroyed : {false, true}) {
    on_thread([destroyed] {
      std::optional<causeway::callback<void(int)>> cb;
      cb.emplace([](int depth) { causeway::call(&c_code, depth); });
      static void (*code)(int);
      code = cb->code();
      CHECK(protected_call(
          [](int depth) {
            [[maybe_unused]] volatile char an_interpreters_frame[1024];
            an_interpreters_frame[0] = 0;
            code(depth);
          },
          0));
      if (!destroyed) CHECK(status_of([&] { cb->close_and_wait(10s); }) == CW_OK);
      cb.reset();
    });
  }
}

TEST_CASE("a callback's jump to the C code that called it ends the wait of who closes it") {
  Runtime runtime(2);
  static void (*code)(int);
  static std::atomic<bool> inside, go_on;
  inside = go_on = false;
  causeway::callback<void(int)> cb{[](int depth) {
    causeway::call([] {
      inside = true;
      while (!go_on) std::this_thread::yield();
    });
    causeway::call(&c_code, depth);
  }};
  code = cb.code();
  std::atomic<bool> closed{false};
  HostThread caller([&] {
    CHECK(enter([&] {
            causeway::call([] { CHECK(protected_call([](int depth) { code(depth); }, 0)); });
            CHECK(eventually([&] { return closed.load(); }));  // no call in meanwhile
          }) == CW_OK);
  });
  REQUIRE(eventually([] { return inside.load(); }));
  HostThread closer([&] {
    CHECK(status_of([&] { cb.close_and_wait(10s); }) == CW_OK);
    closed = true;
  });
  std::this_thread::sleep_for(20ms);
  go_on = true;
  closer.join();
  caller.join();
}

// C code that runs on a green stack, and jumps over a callback that it called there without a call out.
TEST_CASE("a callback that was called plainly and jumped over is not waited for by who closes it") {
  Runtime runtime(2);
  const auto jump_out = [](causeway::callback<void(int)>& cb) {
    const causeway::thread_affinity stay;  // `target` is read before and after
    static void (*code)(int);
    code = cb.code();
    for (int i = 0; i < 3; ++i) CHECK(protected_call([](int depth) { code(depth); }, 0));
  };
  const auto body = [](int) { longjmp(*target, 1); };
  const auto by_itself = [&] {
    causeway::callback<void(int)> cb{body};
    jump_out(cb);
    CHECK(status_of([&] { cb.close_and_wait(10s); }) == CW_OK);
  };
  const auto by_another = [&] {  // who is told when the green thread ends
    causeway::callback<void(int)> cb{body};
    causeway::event jumped, closing;
    auto green = causeway::spawn([&] {
      jump_out(cb);
      jumped.set();
      closing.wait();
    });
    jumped.wait();
    cb.close();
    closing.set();
    CHECK(status_of([&] { cb.close_and_wait(10s); }) == CW_OK);
    green.join();
  };
  causeway::spawn(by_itself).join();
  on_thread([&] { CHECK(enter(by_itself) == CW_OK); });
  by_another();
}

TEST_CASE("a jump inside the C code of one callback skips nothing") {
  Runtime runtime(2);
  const uint64_t before = stats().records_retired;
  on_thread([] {
    CHECK(enter([] {
            call([] {
              for (int i = 0; i < 10; ++i) CHECK(protected_call([](int) { longjmp(*target, 1); }, 0));
              CHECK(entry<&fine>(1) == 2);
            });
          }) == CW_OK);
  });
  CHECK(stats().records_retired == before);
}

}  // namespace
