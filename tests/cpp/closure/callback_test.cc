// SPDX-License-Identifier: MIT
//
// callback<R(A...)> and user_data_callback: what arrives and what C gets, closing, late calls.
//
// Guards against arguments that the stub or the thunk changes, a functor that ends while somebody runs it, a late call that runs anything.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "causeway/causeway.hpp"
#include "tests/cpp/inbound/support.hpp"

using causeway::callback;
using causeway::user_data_callback;
namespace on_exception = causeway::on_exception;
using namespace crossing_test;  // NOLINT(google-build-using-namespace): the tests' own tools

namespace {

struct Small {
  int a;
  float b;
};
struct Pair {
  double a;
  long b;
};
struct Big {
  long words[7];
};

bool same(const Big& a, const Big& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

}  // namespace

TEST_CASE("a callback gets what C passes, and C what it returns: words") {
  const Runtime runtime{2};
  long sum = 0;
  callback<long(int, long)> two{[&sum](int a, long b) { return sum += a * b; }};
  CHECK(two.code()(6, 7) == 42);
  CHECK(two.code()(-2, 20) == 2);
  callback<int()> none{[] { return -5; }};
  CHECK(none.code()() == -5);
  callback<void(long*)> pointer{[](long* at) { *at = 17; }};
  pointer.code()(&sum);
  CHECK(sum == 17);
  callback<bool(signed char)> narrow{[](signed char c) { return c == -3; }};
  CHECK(narrow.code()(-3));
  CHECK(!narrow.code()(3));
}

TEST_CASE("a callback gets what C passes, and C what it returns: everything else, in registers and on the stack") {
  const Runtime runtime{2};
  callback<double(double, float, int)> real{[](double a, float b, int c) { return a + static_cast<double>(b) * c; }};
  CHECK(real.code()(1.5, 2.5f, 4) == 11.5);
  callback<float(float)> single{[](float a) { return a / 2; }};
  CHECK(single.code()(5.0f) == 2.5f);
  callback<long double(long double, int)> wide{[](long double a, int b) { return a * b; }};
  CHECK(wide.code()(1.25L, 4) == 5.0L);
  callback<Small(Small)> small{[](Small s) { return Small{s.a + 1, s.b * 2}; }};
  const Small got = small.code()({41, 1.5f});
  CHECK(got.a == 42);
  CHECK(got.b == 3.0f);
  callback<Pair(Pair, long)> pair{[](Pair p, long more) { return Pair{p.a * 2, p.b + more}; }};
  const Pair both = pair.code()({1.25, 40}, 2);
  CHECK(both.a == 2.5);
  CHECK(both.b == 42);
  callback<Big(Big, int)> big{[](Big b, int n) {
    for (long& word : b.words) word *= n;
    return b;
  }};
  CHECK(same(big.code()({{1, 2, 3, 4, 5, 6, 7}}, 3), {{3, 6, 9, 12, 15, 18, 21}}));
  callback<long(long, long, long, long, long, long, long, long, long, double, double, double, double, double, double, double, double,
                double, char)>
      many{[](long a, long b, long c, long d, long e, long f, long g, long h, long i, double j, double k, double l, double m, double n,
              double o, double p, double q, double r, char s) {
        return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i +
               static_cast<long>(10 * j + 11 * k + 12 * l + 13 * m + 14 * n + 15 * o + 16 * p + 17 * q + 18 * r) + 19 * s;
      }};
  CHECK(many.code()(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19) == 2470);
}

// Not optimised, a thunk makes narrow arguments narrow before its first line, in any register: the chain's was lost so.
TEST_CASE("narrow arguments on the stack do not disturb the way to the state") {
  const Runtime runtime{2};
  callback<float(float, int, const char*, unsigned char, short, short, short, signed char, short, bool, char, unsigned short, bool)> cb{
      [](float f, int i, const char* text, unsigned char u, short a, short b, short c, signed char d, short e, bool yes, char g,
         unsigned short h,
         bool no) { return f + static_cast<float>(i + text[0] + u + a + b + c + d + e + (yes ? 1000 : 0) + g + h + (no ? 1 : 0)); }};
  CHECK(cb.code()(0.5f, 1, "A", 200, -1, -2, -3, -4, -5, true, 7, 60000, false) == 61258.5f);
}

TEST_CASE("user data leads to its callback, and the functor gets it too") {
  const Runtime runtime{2};
  int rows = 0;
  user_data_callback<int(void*, int, char**), 0> row{[&rows](void* data, int n, char** values) {
    CHECK(data != nullptr);
    CHECK(std::strcmp(values[n - 1], "last") == 0);
    return ++rows;
  }};
  char first[] = "first", last[] = "last";
  char* values[] = {first, last};
  CHECK(row.code()(row.data(), 2, values) == 1);
  CHECK(row.code()(row.data(), 2, values) == 2);
  CHECK(rows == 2);
}

TEST_CASE("a closed callback gives its fallback, and runs nothing") {
  const Runtime runtime{2};
  const uint64_t dead = stats().callbacks_dead_called;
  int runs = 0;
  callback<int(int)> cb{[&runs](int n) { return ++runs, n; }, on_exception::return_value(-7), {.name = "on_tick"}};
  CHECK(cb.code()(3) == 3);
  cb.close();
  CHECK(cb.code()(3) == -7);
  CHECK(cb.code()(3) == -7);
  CHECK(runs == 1);
  CHECK(stats().callbacks_dead_called == dead + 2);
  callback<double(int)> real{[](int n) { return n / 2.0; }, on_exception::return_value(0.25)};
  auto* const code = real.code();
  { const auto moved = std::move(real); }
  CHECK(code(1) == 0.25);
  callback<Big(int)> big{[](int) { return Big{}; }, on_exception::return_value(Big{{1, 2, 3, 4, 5, 6, 7}})};
  big.close();
  CHECK(same(big.code()(0), {{1, 2, 3, 4, 5, 6, 7}}));
  user_data_callback<int(void*), 0> data{[](void*) { return 1; }, on_exception::return_value(9)};
  data.close();
  CHECK(data.code()(data.data()) == 9);
  CHECK(data.code()(&runs) == 0);
  CHECK(data.code()(nullptr) == 0);
}

TEST_CASE("a late call without a runtime gives the fallback, and starts none") {
  int (*code)(int) = nullptr;
  {
    const Runtime runtime{2};
    callback<int(int)> cb{[](int n) { return n; }, on_exception::return_value(5)};
    code = cb.code();
    CHECK(code(1) == 1);
  }
  CHECK(code(1) == 5);
  CHECK(status_of([] { static_cast<void>(causeway::stats()); }) == CW_OK);
  CHECK(stats().processors == 0);
}
