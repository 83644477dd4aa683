// SPDX-License-Identifier: MIT
//
// Functions with a run-time signature, by the C interface: results of each width, structs, what travels by the stack, variadic ones, exceptions,
// each kind of call from everywhere, and what is refused.
//
// Risk: a result that is written wider than declared, or not widened as the ABI says; an argument in the wrong register; a closed handle that
// still calls; a null pointer that is followed.
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::call;
using causeway::spawn;

extern "C" {
int f_sum(int a, int b, int c) { return a + b * 10 + c * 100; }
double f_mixed(int a, double b, float c, long d) { return a + b + static_cast<double>(c) + static_cast<double>(d); }
struct Point {
  double x, y;
};
Point f_point(Point a, Point b) { return {a.x + b.x, a.y * b.y}; }
struct Mixed {
  int a;
  double b;
};
Mixed f_struct(Mixed m, int k) { return {m.a + k, m.b * k}; }
struct Big {
  long a[5];
};
Big f_big(Big b, int k) {
  for (long& v : b.a) v += k;
  return b;
}
long f_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j) {
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
}
long double f_long(long double a, int b) { return a * b; }
void f_nothing(int* p) { *p = 7; }
const char* f_pointer(const char* p, unsigned char n) { return p + n; }
int f_variadic(int n, ...) {
  va_list list;
  va_start(list, n);
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += i % 2 == 0 ? va_arg(list, int) : va_arg(list, double);
  va_end(list);
  return static_cast<int>(sum);
}
int f_throws(int v) {
  if (v < 0) throw std::invalid_argument("negative");
  return v;
}
// Whatever the caller's type says, this is what the register holds.
uint64_t f_word(uint64_t word) { return word; }
}

using code = void (*)(void);

class Function {
 public:
  Function(const char* signature, code symbol, int kind = CW_QUICK) {
    REQUIRE_MESSAGE(cw_function_create(signature, symbol, kind, &handle_) == CW_OK, cw_last_error());
  }
  ~Function() { CHECK(cw_function_close(handle_) == CW_OK); }
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  template <class R, class... A>
  R call(A... a) const {
    R result;
    void* args[] = {&a..., nullptr};
    const cw_status status = cw_function_call(handle_, &result, args);
    if (status != CW_OK) FAIL_CHECK(cw_last_error());
    return result;
  }
  template <class R, class... A>
  R call_more(const char* types, A... a) const {
    R result;
    void* args[] = {&a..., nullptr};
    CHECK_MESSAGE(cw_function_call_variadic(handle_, types, &result, args) == CW_OK, cw_last_error());
    return result;
  }
  cw_function handle() const { return handle_; }

 private:
  cw_function handle_ = 0;
};

template <class F>
code as_code(F* f) {
  return reinterpret_cast<code>(f);
}

template <class Body>
void everywhere(Body body) {
  spawn(body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
  spawn([&] { call([&] { CHECK(enter(body) == CW_OK); }); }).join();
  on_thread(body);
}

TEST_CASE("a function with a run-time signature is called in each kind, from everywhere") {
  Runtime runtime(2);
  for (const int kind : {CW_LEAF, CW_QUICK, CW_BLOCKING}) {
    const Function sum("i32(i32, i32, i32)", as_code(f_sum), kind);
    const Function mixed("f64(i32, f64, f32, long)", as_code(f_mixed), kind);
    const Function point("{f64, f64}({f64, f64}, {f64, f64})", as_code(f_point), kind);
    const Function structure("{i32, f64}({i32, f64}, i32)", as_code(f_struct), kind);
    const Function big("{[5 x long]}({[5 x long]}, int)", as_code(f_big), kind);
    const Function many("i64(i64,i64,i64,i64,i64,i64,i64,i64,i64,i64)", as_code(f_many), kind);
    const Function wide("f80(f80, i32)", as_code(f_long), kind);
    const Function nothing("void(ptr)", as_code(f_nothing), kind);
    const Function pointer("ptr(ptr, u8)", as_code(f_pointer), kind);
    everywhere([&] {
      CHECK(sum.call<int>(1, 2, 3) == 321);
      CHECK(mixed.call<double>(1, 0.5, 0.25f, 100L) == 101.75);
      const auto p = point.call<Point>(Point{1, 2}, Point{3, 4});
      CHECK(p.x == 4);
      CHECK(p.y == 8);
      const auto m = structure.call<Mixed>(Mixed{1, 1.5}, 4);
      CHECK(m.a == 5);
      CHECK(m.b == 6);
      const auto b = big.call<Big>(Big{{1, 2, 3, 4, 5}}, 10);
      CHECK(b.a[0] == 11);
      CHECK(b.a[4] == 15);
      CHECK(many.call<long>(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L) == 385);
      CHECK(wide.call<long double>(1.5L, 3) == 4.5L);
      int written = 0;
      int* at = &written;
      void* args[] = {&at};
      CHECK(cw_function_call(nothing.handle(), nullptr, args) == CW_OK);
      CHECK(written == 7);
      const char* text = "causeway";
      CHECK(std::string(pointer.call<const char*>(text, static_cast<unsigned char>(5))) == "way");
    });
  }
}

// 51: the upper part of a register is nobody's; each type reads its own part of it and no byte beside its result is written.
TEST_CASE("a result is as wide as declared and as the ABI reads it, whatever the register holds") {
  const uint64_t word = 0xfedcba9876549180;
  auto check = [&](const char* signature, auto expected) {
    INFO("signature: ", std::string(signature));
    const Function function(signature, as_code(f_word), CW_LEAF);
    struct {
      decltype(expected) value;
      unsigned char beside[16];
    } out;
    std::memset(&out, 0x5a, sizeof out);
    uint64_t given = word;
    void* args[] = {&given};
    CHECK(cw_function_call(function.handle(), &out.value, args) == CW_OK);
    CHECK(out.value == expected);
    for (const unsigned char c : out.beside) CHECK(c == 0x5a);
  };
  check("i8(u64)", static_cast<int8_t>(0x80));
  check("u8(u64)", static_cast<uint8_t>(0x80));
  check("i16(u64)", static_cast<int16_t>(0x9180));
  check("u16(u64)", static_cast<uint16_t>(0x9180));
  check("i32(u64)", static_cast<int32_t>(0x76549180));
  check("u32(u64)", static_cast<uint32_t>(0x76549180));
  check("i64(u64)", static_cast<int64_t>(word));
  check("u64(u64)", word);
  check("bool(u64)", true);  // 0x80 is no value of a bool: made 1
  check("size(u64)", static_cast<size_t>(word));
  check("ptr(u64)", reinterpret_cast<void*>(word));

  // Arguments: sign and zero extended to an int, and a bool is 0 or 1.
  auto widened = [](const char* signature, auto given) {
    const Function function(signature, as_code(f_word), CW_LEAF);
    return static_cast<uint32_t>(function.call<uint64_t>(given));
  };
  CHECK(widened("u64(i8)", static_cast<int8_t>(-2)) == 0xfffffffe);
  CHECK(widened("u64(u8)", static_cast<uint8_t>(0xfe)) == 0xfe);
  CHECK(widened("u64(i16)", static_cast<int16_t>(-2)) == 0xfffffffe);
  CHECK(widened("u64(u16)", static_cast<uint16_t>(0xfffe)) == 0xfffe);
  CHECK(widened("u64(i32)", -2) == 0xfffffffe);
  CHECK(widened("u64(bool)", static_cast<uint8_t>(2)) == 1);
  // A long double is not for the way in registers: libffi makes this call.
  auto by_libffi = [](const char* signature, auto given) {
    const Function function(signature, as_code(f_word), CW_LEAF);
    return static_cast<uint32_t>(function.call<uint64_t>(given, 1.0L));
  };
  CHECK(by_libffi("u64(i8, f80)", static_cast<int8_t>(-2)) == 0xfffffffe);
  CHECK(by_libffi("u64(u16, f80)", static_cast<uint16_t>(0xfffe)) == 0xfffe);
  CHECK(by_libffi("u64(bool, f80)", static_cast<uint8_t>(2)) == 1);
}

TEST_CASE("variadic functions take the types that a call names") {
  Runtime runtime(1);
  spawn([] {
    const Function sum("i32(i32, ...)", as_code(f_variadic));
    CHECK(sum.call_more<int>("", 0) == 0);
    CHECK(sum.call_more<int>("i32", 1, 5) == 5);
    for (int i = 0; i < 3; ++i) CHECK(sum.call_more<int>("i32, f64, i32, f64", 4, 1, 2.5, 3, 4.5) == 11);

    char text[64];
    char* at = text;
    const Function print("i32(ptr, size, ptr, ...)", as_code(snprintf));
    CHECK(print.call_more<int>("i32, ptr, f64", at, sizeof text, "%d %s %.1f", 42, "words", 1.5) == 12);
    CHECK(std::string(text) == "42 words 1.5");

    int result = 0;
    int n = 0;
    void* args[] = {&n};
    CHECK(cw_function_call(sum.handle(), &result, args) == CW_E_INVALID);
    CHECK(std::string(cw_last_error()) == "cw_function_call: the signature has '...'; use cw_function_call_variadic");
    CHECK(cw_function_call_variadic(sum.handle(), "f32", &result, args) == CW_E_SIGNATURE);
    CHECK(std::string(cw_last_error()).find("types, column 1: a float is passed as f64") != std::string::npos);
    CHECK(cw_function_call_variadic(sum.handle(), nullptr, &result, args) == CW_E_INVALID);
    const Function fixed("i32(i32)", as_code(f_throws));
    CHECK(cw_function_call_variadic(fixed.handle(), "i32", &result, args) == CW_E_SIGNATURE);
  }).join();
}

TEST_CASE("what a C++ function throws comes out of a call with a run-time signature") {
  Runtime runtime(2);
  for (const int kind : {CW_LEAF, CW_QUICK, CW_BLOCKING}) {
    const Function function("i32(i32)", as_code(f_throws), kind);
    everywhere([&] {
      for (int i = 0; i < 5; ++i) {
        int given = -1;
        int result = 3;
        void* args[] = {&given};
        CHECK_THROWS_WITH_AS(cw_function_call(function.handle(), &result, args), "negative", std::invalid_argument);
        CHECK(function.call<int>(4) == 4);
      }
    });
  }
}

// 46, 48.
TEST_CASE("what cannot be is refused when the function is made, and at a call before it is made") {
  cw_function out = 1234;
  const code symbol = as_code(f_sum);
  CHECK(cw_function_create(nullptr, symbol, CW_QUICK, &out) == CW_E_INVALID);
  CHECK(cw_function_create("i32(i32)", nullptr, CW_QUICK, &out) == CW_E_INVALID);
  CHECK(std::string(cw_last_error()) == "cw_function_create: symbol is NULL");
  CHECK(cw_function_create("i32(i32)", symbol, 7, &out) == CW_E_INVALID);
  CHECK(cw_function_create("i32(i32)", symbol, CW_QUICK, nullptr) == CW_E_INVALID);
  CHECK(cw_function_create("i32(?)", symbol, CW_QUICK, &out) == CW_E_SIGNATURE);
  CHECK(std::string(cw_last_error()).starts_with("cw_function_create: column 5: expected a type, found '?'"));
  CHECK(cw_function_create("", symbol, CW_QUICK, &out) == CW_E_SIGNATURE);
  CHECK(cw_function_create(std::string(10 << 20, 'i').c_str(), symbol, CW_QUICK, &out) == CW_E_SIGNATURE);
  CHECK(cw_function_create("void({[5000 x u8]})", symbol, CW_QUICK, &out) == CW_E_SIGNATURE);
  CHECK(out == 1234);

  REQUIRE(cw_function_create("i32(i32, i32, i32)", symbol, CW_QUICK, &out) == CW_OK);
  int one = 1;
  int result = 77;
  void* args[] = {&one, nullptr, &one};
  CHECK(cw_function_call(out, &result, args) == CW_E_INVALID);
  CHECK(std::string(cw_last_error()) == "cw_function_call: args[1] is NULL; it points at the argument: i32(i32, i32, i32)");
  CHECK(cw_function_call(out, &result, nullptr) == CW_E_INVALID);
  CHECK(cw_function_call(out, nullptr, args) == CW_E_INVALID);
  CHECK(cw_function_call(0, &result, args) == CW_E_HANDLE);
  CHECK(cw_function_call(out + 1, &result, args) == CW_E_HANDLE);
  cw_event event;
  REQUIRE(cw_event_create(&event) == CW_OK);
  CHECK(cw_function_call(event, &result, args) == CW_E_TYPE);
  CHECK(cw_function_close(event) == CW_E_TYPE);
  CHECK(cw_event_close(event) == CW_OK);
  CHECK(cw_function_close(out) == CW_OK);
  args[1] = &one;
  CHECK(cw_function_call(out, &result, args) == CW_E_STALE);
  CHECK(cw_function_call_variadic(out, "", &result, args) == CW_E_STALE);
  CHECK(cw_function_close(out) == CW_E_STALE);
  CHECK(result == 77);
}

// Closing does not wait for a call, and takes nothing away from it.
cw_function closing;
int f_closes(int v) {
  CHECK(cw_function_close(closing) == CW_OK);
  return v + 1;
}

TEST_CASE("a function is closed while it runs, and its call ends as it would have") {
  Runtime runtime(1);
  spawn([] {
    REQUIRE(cw_function_create("i32(i32)", as_code(f_closes), CW_QUICK, &closing) == CW_OK);
    int given = 41;
    int result = 0;
    void* args[] = {&given};
    CHECK(cw_function_call(closing, &result, args) == CW_OK);
    CHECK(result == 42);
    CHECK(cw_function_call(closing, &result, args) == CW_E_STALE);
  }).join();
}

TEST_CASE("function<> calls what a pointer points at, by its type") {
  Runtime runtime(2);
  CHECK_THROWS_AS(causeway::function<int(int)>(nullptr), causeway::error);
  CHECK_THROWS_AS(causeway::function<int(int)>(static_cast<void*>(nullptr)), causeway::error);
  CHECK_THROWS_AS(causeway::function<int(int)>(f_throws, 9), causeway::error);
  CHECK(causeway::function<int(int)>::try_make(nullptr).error() == CW_E_INVALID);
  everywhere([] {
    for (const int kind : {CW_LEAF, CW_QUICK, CW_BLOCKING}) {
      const causeway::function<int(int, int, int)> sum{reinterpret_cast<void*>(f_sum), kind};
      CHECK(sum(1, 2, 3) == 321);
      CHECK(sum.kind() == kind);
      const causeway::function point{f_point, kind};
      CHECK(point({1, 2}, {3, 4}).y == 8);
      const causeway::function<int(int)> throws{f_throws, kind};
      CHECK_THROWS_AS(throws(-1), std::invalid_argument);
      CHECK(throws(5) == 5);
      int written = 0;
      causeway::function<void(int*)>(f_nothing, kind)(&written);
      CHECK(written == 7);
    }
  });
}

// One thread makes and closes functions while others call whatever handle they see: each call is of the right function or stale.
TEST_CASE("calls race with closing and slots that are used again") {
  std::atomic<cw_function> current{0};
  std::atomic<bool> done{false};
  std::atomic<int> right{0};
  std::atomic<int> wrong{0};
  HostThread caller([&] {
    while (!done) {
      int three = 3;
      int result = 0;
      void* args[] = {&three, &three, &three};
      const cw_status status = cw_function_call(current.load(), &result, args);
      if (status == CW_OK) result == 333 || result == 3 ? ++right : ++wrong;
      else if (status != CW_E_STALE && status != CW_E_HANDLE) ++wrong;
    }
  });
  // Until the caller has had a few; the count is a bound for a machine on which it never gets on.
  for (int i = 0; i < 1'000'000 && (right < 100 || i < 2000); ++i) {
    cw_function made = 0;
    if (i % 2 == 0) CHECK(cw_function_create("i32(i32, i32, i32)", as_code(f_sum), CW_QUICK, &made) == CW_OK);
    else CHECK(cw_function_create("i32(i32)", as_code(f_throws), CW_QUICK, &made) == CW_OK);
    const cw_function old = current.exchange(made);
    if (old != 0) CHECK(cw_function_close(old) == CW_OK);
    if (i % 64 == 0) sched_yield();
  }
  done = true;
  caller.join();
  CHECK(wrong == 0);
  CHECK(cw_function_close(current) == CW_OK);
}

}  // namespace
