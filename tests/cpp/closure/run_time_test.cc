// SPDX-License-Identifier: MIT
//
// Callbacks with a run-time signature: how narrow results are widened, what a body may do, what exceptions become, what C gets after the end, and what
// is refused. Signatures of all kinds against the compiler: tests/cpp/outbound/abi_test.cc.
//
// Risk: garbage in the upper part of a register; a body that runs after its end; an exception in C frames.
#include <atomic>
#include <stdexcept>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

class Callback {
 public:
  Callback(const char* signature, cw_callback_body body, void* user, const cw_callback_options* options = nullptr) {
    REQUIRE_MESSAGE(cw_callback_create(signature, body, user, options, &handle_) == CW_OK, cw_last_error());
    CHECK(cw_callback_code(handle_, &code_) == CW_OK);
  }
  ~Callback() {
    if (handle_ != 0) close();
  }
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  template <class F>
  F* as() const {
    return reinterpret_cast<F*>(code_);
  }
  void close() {
    CHECK(cw_callback_close_and_wait(handle_, kLimitNs) == CW_OK);
    handle_ = 0;
  }
  cw_callback handle() const { return handle_; }

 private:
  cw_callback handle_ = 0;
  void (*code_)(void) = nullptr;
};

cw_callback_options options_with(int on_exception, const void* fallback = nullptr) {
  cw_callback_options options;
  cw_callback_options_init(&options);
  options.name = "run-time";
  options.on_exception = on_exception;
  options.fallback = fallback;
  return options;
}

struct Point {
  double x, y;
};
struct Big {
  long a[4];
};

void add(void* result, void** args, void* user) {
  *static_cast<int*>(result) = *static_cast<int*>(args[0]) + *static_cast<int*>(args[1]) + *static_cast<int*>(user);
}
void give_bytes(void* result, void**, void* user) {  // the result is as wide as user says
  auto bytes = *static_cast<uint64_t*>(user);
  for (auto* to = static_cast<unsigned char*>(result); bytes != 0; bytes >>= 8) *to++ = static_cast<unsigned char>(bytes);
}
void nothing(void*, void**, void*) {}
void throws(void* result, void** args, void*) {
  if (*static_cast<int*>(args[0]) < 0) throw std::invalid_argument("negative");
  *static_cast<int*>(result) = 7;
}
void throws_a_struct(void* result, void** args, void*) {
  if (*static_cast<int*>(args[0]) < 0) throw 5;
  *static_cast<Point*>(result) = {1, 2};
}

std::atomic<int> told;
std::string told_text;
void hear(cw_status, const char*, const char* text, void*) {
  told_text = text;
  ++told;
}

TEST_CASE(
    "a run-time callback is called from threads of a host, from green threads and below calls out, and may do what managed code may") {
  Runtime runtime(2);
  int user = 100;
  const Callback sum("i32(i32, i32)", add, &user);
  auto* call = sum.as<int(int, int)>();
  on_thread([&] { CHECK(call(1, 2) == 103); });
  causeway::spawn([&] { CHECK(causeway::call(call, 3, 4) == 107); }).join();
  const Callback parks(
      "void(ptr)",
      [](void*, void** args, void*) {
        causeway::this_green::yield();
        causeway::spawn([] {}).join();
        **static_cast<int**>(args[0]) = static_cast<int>(causeway::call([] { return 5; }));
      },
      nullptr);
  int written = 0;
  on_thread([&] { parks.as<void(int*)>()(&written); });
  CHECK(written == 5);
}

// 51. C reads more of the register than the type has: the ABI's own widening is what a compiler may rely on.
TEST_CASE("a narrow result is widened to an int as its type says, and a bool is 0 or 1") {
  Runtime runtime(1);
  auto word = [](const char* signature, uint64_t bytes) {
    const Callback callback(signature, give_bytes, &bytes);
    uint64_t got = 0;
    on_thread([&] { got = callback.as<uint64_t()>()(); });
    return static_cast<uint32_t>(got);
  };
  CHECK(word("i8()", 0x80) == 0xffffff80);
  CHECK(word("u8()", 0x80) == 0x80);
  CHECK(word("i16()", 0x8001) == 0xffff8001);
  CHECK(word("u16()", 0x8001) == 0x8001);
  CHECK(word("i32()", 0x80000001) == 0x80000001);
  CHECK(word("bool()", 2) == 1);
  CHECK(word("bool()", 0) == 0);
  // A body that writes nothing: zero.
  const Callback none("i64()", nothing, nullptr);
  on_thread([&] { CHECK(none.as<long()>()() == 0); });
}

TEST_CASE("an exception of a body becomes the fallback, or goes on from the call out") {
  Runtime runtime(2);
  told = 0;
  CHECK(cw_error_handler_set(hear, nullptr) == CW_OK);
  const int minus = -1;
  const cw_callback_options gives = options_with(CW_ON_EXCEPTION_RETURN, &minus);
  const Callback returns("i32(i32)", throws, nullptr, &gives);
  on_thread([&] {
    CHECK(returns.as<int(int)>()(1) == 7);
    CHECK(returns.as<int(int)>()(-1) == -1);
  });
  CHECK(told == 1);
  CHECK(told_text.find("negative") != std::string::npos);
  const cw_callback_options zero = options_with(CW_ON_EXCEPTION_RETURN);
  const Callback without("i32(i32)", throws, nullptr, &zero);
  on_thread([&] { CHECK(without.as<int(int)>()(-1) == 0); });
  CHECK(told == 2);

  const Point away{8, 9};
  const cw_callback_options carries = options_with(CW_ON_EXCEPTION_TUNNEL, &away);
  const Callback tunnels("{f64, f64}(i32)", throws_a_struct, nullptr, &carries);
  auto* call = tunnels.as<Point(int)>();
  causeway::spawn([&] {
    Point got{};
    CHECK_THROWS_AS(causeway::call([&] { got = call(-1); }), int);
    CHECK(got.x == 8);
    CHECK(got.y == 9);
    CHECK(causeway::call([&] { return call(1).y; }) == 2);
  }).join();
  CHECK(told == 2);
  CHECK(cw_error_handler_set(nullptr, nullptr) == CW_OK);
}

TEST_CASE("a tunnelled exception ends a call with a run-time signature as CW_E_PANIC") {
  Runtime runtime(1);
  const int minus = -1;
  const cw_callback_options carries = options_with(CW_ON_EXCEPTION_TUNNEL, &minus);
  const Callback tunnels("i32(i32)", throws, nullptr, &carries);
  cw_function function = 0;
  int (*through)(int (*)(int), int) = [](int (*code)(int), int v) { return code(v) * 2; };
  REQUIRE(cw_function_create("i32(ptr, i32)", reinterpret_cast<void (*)(void)>(through), CW_QUICK, &function) == CW_OK);
  causeway::spawn([&] {
    auto* code = tunnels.as<int(int)>();
    int value = -1;
    int result = 0;
    void* args[] = {&code, &value};
    CHECK(cw_function_call(function, &result, args) == CW_E_PANIC);
    CHECK(std::string(cw_last_error()).find("negative") != std::string::npos);
    CHECK(result == -2);
    value = 1;
    CHECK(cw_function_call(function, &result, args) == CW_OK);
    CHECK(result == 14);
  }).join();
  CHECK(cw_function_close(function) == CW_OK);
}

TEST_CASE("after its end a code pointer gives the fallback, whatever its type, and no body runs") {
  Runtime runtime(1);
  auto late = [](const char* signature, const void* fallback, auto* type, auto check) {
    INFO("signature: ", signature);
    const cw_callback_options options = options_with(CW_ON_EXCEPTION_TERMINATE, fallback);
    Callback callback(signature, [](void*, void**, void*) { FAIL_CHECK("the body runs"); }, nullptr, &options);
    auto* code = callback.as<std::remove_pointer_t<decltype(type)>>();
    callback.close();
    const uint64_t before = stats().callbacks_dead_called;
    on_thread([&] { check(code); });
    CHECK(stats().callbacks_dead_called == before + 1);
  };
  using int_code = int(int);
  using float_code = float(float);
  using double_code = double(double, int);
  using point_code = Point(int);
  using big_code = Big(int);
  using wide_code = long double(int);
  const int minus = -7;
  const float half = 0.5f;
  const double third = 0.25;
  const Point point{3, 4};
  const Big big{{1, 2, 3, 4}};
  const long double wide = 1.5L;
  late("i32(i32)", &minus, static_cast<int_code*>(nullptr), [](int_code* code) { CHECK(code(1) == -7); });
  late("i32(i32)", nullptr, static_cast<int_code*>(nullptr), [](int_code* code) { CHECK(code(1) == 0); });
  late("f32(f32)", &half, static_cast<float_code*>(nullptr), [](float_code* code) { CHECK(code(1) == 0.5f); });
  late("f64(f64, i32)", &third, static_cast<double_code*>(nullptr), [](double_code* code) { CHECK(code(1, 2) == 0.25); });
  late("{f64, f64}(i32)", &point, static_cast<point_code*>(nullptr), [](point_code* code) { CHECK(code(1).y == 4); });
  late("{[4 x i64]}(i32)", &big, static_cast<big_code*>(nullptr), [](big_code* code) { CHECK(code(1).a[3] == 4); });
  late("f80(i32)", &wide, static_cast<wide_code*>(nullptr), [](wide_code* code) { CHECK(code(1) == 1.5L); });
}

// 46, 48.
TEST_CASE("what cannot be is refused when the callback is made") {
  cw_callback out = 4321;
  CHECK(cw_callback_create(nullptr, nothing, nullptr, nullptr, &out) == CW_E_INVALID);
  CHECK(cw_callback_create("void()", nullptr, nullptr, nullptr, &out) == CW_E_INVALID);
  CHECK(std::string(cw_last_error()) == "cw_callback_create: body is NULL");
  CHECK(cw_callback_create("void()", nothing, nullptr, nullptr, nullptr) == CW_E_INVALID);
  CHECK(cw_callback_create("void(ptr, ...)", nothing, nullptr, nullptr, &out) == CW_E_SIGNATURE);
  CHECK(std::string(cw_last_error()) == "cw_callback_create: column 11: expected a type: a callback cannot take '...'");
  CHECK(cw_callback_create("void(?)", nothing, nullptr, nullptr, &out) == CW_E_SIGNATURE);
  CHECK(cw_callback_create(std::string(10 << 20, '{').c_str(), nothing, nullptr, nullptr, &out) == CW_E_SIGNATURE);
  cw_callback_options options = options_with(9);
  CHECK(cw_callback_create("void()", nothing, nullptr, &options, &out) == CW_E_INVALID);
  options = options_with(CW_ON_EXCEPTION_RETURN);
  CHECK(cw_callback_create("{f64, f64}(i32)", nothing, nullptr, &options, &out) == CW_E_INVALID);
  CHECK(std::string(cw_last_error()).starts_with("cw_callback_create: a struct has no zero"));
  options = options_with(CW_ON_EXCEPTION_TERMINATE);
  options.size = 3;
  CHECK(cw_callback_create("void()", nothing, nullptr, &options, &out) == CW_E_INVALID);
  options = options_with(CW_ON_EXCEPTION_TERMINATE);
  options.owner = 99;
  CHECK(cw_callback_create("void()", nothing, nullptr, &options, &out) == CW_E_HANDLE);
  CHECK(out == 4321);

  // A name of no length, and one of 10 MiB; no user.
  for (const std::string& name : {std::string(), std::string(10 << 20, 'n')}) {
    options = options_with(CW_ON_EXCEPTION_TERMINATE);
    options.name = name.c_str();
    CHECK(cw_callback_create("void()", nothing, nullptr, &options, &out) == CW_OK);
    CHECK(cw_callback_close(out) == CW_OK);
    CHECK(cw_callback_close(out) == CW_E_STALE);
  }
}

}  // namespace
