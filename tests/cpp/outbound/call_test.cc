// SPDX-License-Identifier: MIT
//
// Calls out: every kind, from every place; values, references, exceptions; C code that needs more stack than a green thread has.
//
// Risk: C code on a green thread's small stack; a result that is copied once too often; an exception that ends on the way.
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::call;
using causeway::call_blocking;
using causeway::call_leaf;
using causeway::spawn;

int multiply(int a, int b) { return a * b; }
int multiply_or_throw(int a, int b) {
  if (a < 0) throw std::invalid_argument("negative");
  return a * b;
}
void store(int* where, int value) noexcept { *where = value; }

// On a worker, in a callback, in a callback nested in C, and on a plain thread, where each is a plain call.
template <class F>
void everywhere(F body) {
  spawn(body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
  spawn([&] { call([&] { CHECK(enter(body) == CW_OK); }); }).join();
  on_thread(body);
}

TEST_CASE("call, call_leaf and call_blocking give values, references and nothing, and take arguments and lambdas") {
  Runtime runtime(2);
  Counted::copies = 0;
  everywhere([] {
    int target = 0;
    CHECK(call(multiply, 6, 7) == 42);
    CHECK(call_leaf(multiply, 6, 7) == 42);
    CHECK(call_blocking(multiply, 6, 7) == 42);
    CHECK(call(&multiply, 6, 7) == 42);
    call(store, &target, 5);
    CHECK(target == 5);
    call_leaf(store, &target, 6);
    CHECK(target == 6);
    CHECK(&call([&]() -> int& { return target; }) == &target);
    CHECK(call([](Counted c) { return Counted(c.value + 1); }, Counted(1)).value == 2);
    CHECK(*call([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(3)) == 3);
    CHECK(call([] { return std::string(300, 'y'); }) == std::string(300, 'y'));
    const Counted kept(9);
    CHECK(call([](const Counted& c) { return &c; }, kept) == &kept);
  });
  CHECK(Counted::alive == 0);
  CHECK(Counted::copies == 0);
}

TEST_CASE("what the function throws comes out of each of them") {
  Runtime runtime(2);
  everywhere([] {
    for (int i = 0; i < 20; ++i) {
      CHECK_THROWS_WITH_AS(call(multiply_or_throw, -1, 1), "negative", std::invalid_argument);
      CHECK_THROWS_WITH_AS(call_leaf(multiply_or_throw, -1, 1), "negative", std::invalid_argument);
      CHECK_THROWS_WITH_AS(call_blocking(multiply_or_throw, -1, 1), "negative", std::invalid_argument);
      CHECK_THROWS_AS(call([]() -> Counted { throw 5; }), int);
      CHECK(call(multiply_or_throw, 2, 3) == 6);
    }
  });
  CHECK(Counted::alive == 0);
}

// The address of a frame of C code, to tell on which stack it is.
[[gnu::noinline]] uintptr_t c_frame() { return reinterpret_cast<uintptr_t>(__builtin_frame_address(0)); }

TEST_CASE("TestCallback: C code has a stack of full size, and one that is not the green thread's") {
  Runtime runtime(2);
  const auto body = [] {
    const uintptr_t own = c_frame();
    for (int i = 0; i < 3; ++i) {
      uintptr_t deep = 0;
      call([&] { below(size_t{64} << 10, [&] { below(size_t{64} << 10, [&] { deep = c_frame(); }); }); });
      CHECK((deep > own ? deep - own : own - deep) > (size_t{64} << 10));
      call_blocking([] { below(size_t{512} << 10, [] { CHECK(enter([] { causeway::this_green::yield(); }) == CW_OK); }); });
    }
  };
  spawn({.stack_size = 16 * 1024}, body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
}

TEST_CASE("TestPrintf: a green thread with a small stack calls printf()") {
  Runtime runtime(2);
  FILE* const file = tmpfile();
  REQUIRE(file != nullptr);
  spawn({.stack_size = 16 * 1024}, [&] {
    for (int i = 0; i < 100; ++i) call([&] { fprintf(file, "%d %f %s %Lg\n", i, i / 3.0, "text", 1e300L * i); });
  }).join();
  rewind(file);
  char line[512];
  int lines = 0;
  while (fgets(line, sizeof line, file) != nullptr) {
    int number = -1;
    CHECK(sscanf(line, "%d", &number) == 1);
    CHECK(number == lines++);
    CHECK(std::strstr(line, "text") != nullptr);
  }
  CHECK(lines == 100);
  fclose(file);
}

TEST_CASE("a leaf call deep in a green thread's stack runs on the C stack") {
  Runtime runtime(2);
  spawn({.stack_size = 64 * 1024}, [] {
    const uintptr_t own = c_frame();
    uintptr_t shallow = 0, deep = 0;
    call_leaf([&] { shallow = c_frame(); });
    below(40 * 1024, [&] { call_leaf([&] { deep = c_frame(); }); });
    CHECK(own - shallow < 16 * 1024);  // on the green stack: no pivot for something so short
    CHECK((deep > own ? deep - own : own - deep) > 64 * 1024);
    below(40 * 1024, [&] { call_leaf([&] { below(size_t{64} << 10, [] {}); }); });
  }).join();
}

TEST_CASE("calls are counted, each kind that is not a leaf") {
  Runtime runtime(2);
  on_thread([] {
    CHECK(enter([] {
            const uint64_t before = stats().calls_out;
            for (int i = 0; i < 10; ++i) {
              call([] {});
              call_blocking([] {});
            }
            CHECK(stats().calls_out == before + 20);
          }) == CW_OK);
  });
}

// What is evaluated when: the arguments on the green thread, before the call.
TEST_CASE("defer1, chanrecv: arguments are evaluated once, before the call, where the caller runs") {
  Runtime runtime(2);
  causeway::channel<int> channel(4);
  spawn([&] {
    channel.send(1);
    channel.send(2);
    int evaluations = 0;
    const auto argument = [&] {
      CHECK(cw_on_green() == 1);
      ++evaluations;
      return channel.receive().value_or(-1);
    };
    CHECK(call([](int a) { return cw_on_green() * 100 + a; }, argument()) == 1);
    CHECK(evaluations == 1);
    CHECK(call([](int a) { return a; }, argument()) == 2);
    CHECK(evaluations == 2);
    struct Defer {
      int& value;
      ~Defer() {
        call([this] { ++value; });
      }
    };
    int deferred = 0;
    {
      const Defer first{deferred}, second{deferred};
      CHECK(deferred == 0);
    }
    CHECK(deferred == 2);
  }).join();
}

}  // namespace
