// SPDX-License-Identifier: MIT
//
// What is passed to C: strings up to the end of a page, 16-byte integers, variadic arguments, pointers into the green thread's own stack.
//
// Risk: an argument that is copied with another alignment or read beyond its end; C code that writes through a pointer into a stack that has
// moved away, which ours never do.
#include <sys/mman.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::call;
using causeway::call_leaf;
using causeway::spawn;

// On a worker and in a callback.
template <class F>
void on_green(F body) {
  spawn(body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
}

TEST_CASE(
    "TestMultipleAssign, TestHelpers, Test14838, Test12030: two calls in one statement, copies both ways, variadic calls with numbers of all kinds") {
  Runtime runtime(2);
  on_green([] {
    CHECK(call(std::strlen, "four") + call_leaf(std::strlen, "seven!!") == 11);
    char text[64] = "";
    CHECK(call([&] { return snprintf(text, sizeof text, "%d %.3f %s %Lg %lld", 1, 2.5, "three", 4.25L, 5LL); }) == 20);
    CHECK(std::string(text) == "1 2.500 three 4.25 5");
    const std::string copy = call([&] { return std::string(text); });
    CHECK(copy == text);
    char bytes[16];
    call(std::memcpy, bytes, "bytes\0and more", sizeof bytes - 2);
    CHECK(std::memcmp(bytes, "bytes\0and more", sizeof bytes - 2) == 0);
  });
}

TEST_CASE("Test24206: a string that ends at the last byte before an unreadable page") {
  Runtime runtime(2);
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (const size_t length : {page - 1, 2 * page - 1}) {
    const size_t bytes = length + 1;
    auto* at = static_cast<char*>(mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(at != MAP_FAILED);
    REQUIRE(mprotect(at + bytes, page, PROT_NONE) == 0);
    std::memset(at, 'a', length);
    on_green([&] {
      CHECK(call(std::strlen, at) == length);
      CHECK(call_leaf(std::strlen, at) == length);
      CHECK(call([&] { return std::string(at); }).size() == length);
      CHECK(call([&] { return causeway::enter([](const char* s) { return std::strlen(s); }, at); }) == length);
    });
    munmap(at, bytes + page);
  }
}

struct Wide {
  char before;
  __int128 value;
  char after;
};
Wide add_one(Wide w) {
  ++w.value;
  return w;
}
bool is_aligned(const Wide* w) { return reinterpret_cast<uintptr_t>(w) % alignof(__int128) == 0; }

TEST_CASE("Test69086: a struct with a 16-byte integer, by value and by pointer") {
  Runtime runtime(2);
  on_green([] {
    const Wide w{'a', __int128{7} << 90, 'b'};
    for (int i = 0; i < 3; ++i) {
      const Wide next = i == 0 ? call(add_one, w) : i == 1 ? call_leaf(add_one, w) : causeway::call_blocking(add_one, w);
      CHECK(next.before == 'a');
      CHECK((next.value == w.value + 1));
      CHECK(next.after == 'b');
      CHECK(call(is_aligned, &next));
      CHECK(call([&] { return is_aligned(&next) && causeway::enter([](Wide v) { return is_aligned(&v); }, next); }));
    }
  });
}

// Go may not: its stacks move. Ours do not, so C may write there, also while the green thread's callbacks park.
int fill(int levels, int* const* places, int n) {
  if (levels > 0) return fill(levels - 1, places, n);
  for (int i = 0; i < n; ++i) *places[i] = 100 + i;
  return n;
}

TEST_CASE("Test10303: C writes to locals of the green thread, at many depths, before and after a callback that parks") {
  Runtime runtime(2);
  struct Down {
    static void go(int depth) {
      int a = 0, b = 0, c = 0;
      int* const places[3] = {&a, &b, &c};
      call([&] {
        a = -1;
        CHECK(enter([&] {
                causeway::this_green::sleep_for(1us);
                b = -2;
              }) == CW_OK);
        CHECK(fill(5, places, 3) == 3);
      });
      if (depth > 0) go(depth - 1);
      CHECK(a == 100);
      CHECK(b == 101);
      CHECK(c == 102);
    }
  };
  on_green([] { Down::go(10); });
}

}  // namespace
