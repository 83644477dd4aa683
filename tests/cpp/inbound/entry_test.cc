// SPDX-License-Identifier: MIT
//
// entry<&fn>: constant C function pointers that run managed code. Every shape of argument and result, overload sets, C functions that take one,
// virtual functions; what C gets when the function throws or cannot run.
//
// Risk: an argument or a result that is moved, cut or destroyed twice on its way between two stacks; a fallback that is not the declared one.
#include <any>
#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::entry;
using causeway::entry_as;
namespace on_exception = causeway::on_exception;

// Each test runs its body as a plain thread, as C below a callback, and as C below a green thread.
template <class F>
void everywhere(F body) {
  on_thread([&] { body(); });
  on_thread([&] { CHECK(enter([&] { causeway::call(body); }) == CW_OK); });
  causeway::spawn([&] { causeway::call(body); }).join();
}

// --- shapes -------------------------------------------------------------------------------------------------------------------

struct Small {
  char a;
  short b;
};
struct Pair {
  double x;
  int64_t n;
};
struct Large {
  std::array<int, 40> values;
};
struct alignas(32) Aligned {
  double values[4];
};
std::atomic<int> wrong{0};
void look(bool good) { wrong += !good; }

// The compiler may not conclude it from the type.
bool is_aligned(const volatile void* p, uintptr_t alignment) {
  auto at = reinterpret_cast<uintptr_t>(p);
  asm volatile("" : "+r"(at));
  return at % alignment == 0;
}

void nothing() { look(cw_on_green() == 1); }
int add(int a, int b) noexcept { return a + b; }
char sum_of_many(char a, short b, int c, long d, float e, double f, bool g, const char* h, long i, long j, double k, float l) {
  causeway::this_green::yield();
  return static_cast<char>(a + b + c + static_cast<int>(d) + static_cast<int>(e) + static_cast<int>(f) + g + h[0] +
                           static_cast<int>(i + j) + static_cast<int>(k) + static_cast<int>(l));
}
Small small(Small s) { return {static_cast<char>(s.a + 1), static_cast<short>(s.b + 1)}; }
Pair pair(Pair p) { return {p.x * 2, p.n * 2}; }
Large large(Large l) {
  for (int& v : l.values) ++v;
  return l;
}
Aligned aligned(Aligned a) {
  look(is_aligned(&a, alignof(Aligned)));
  a.values[3] += 0.5;
  return a;
}
Counted counted(Counted c) { return Counted(c.value + 1); }
std::string* text_of(std::string_view view, int n) { return new std::string(std::string(view) + std::to_string(n)); }
std::any through_any(std::any value) { return std::any_cast<int>(value) + 1; }
void* pointer(void* p) { return p; }
bool negate(bool b) { return !b; }
__int128 wide(__int128 v) { return v + 1; }
enum class Colour : unsigned char { Red = 200, Green };
Colour next_colour(Colour c) { return c == Colour::Red ? Colour::Green : Colour::Red; }
signed char narrow(signed char a, unsigned short b, int c) { return static_cast<signed char>(a - (b == 65535) + c); }
unsigned short all_bits() { return 65535; }
long long extreme(long long v, unsigned long long all, const volatile char* at) { return all == ~0ull && *at == 'x' ? v : 0; }
void store(long* at, long value) { *at = value; }
unsigned fourth(int a, int b, int c, unsigned d) { return a + b + c == 0 ? d : 0; }

TEST_CASE("Test5548, Test6833, Test6907, Test6907Go, Test76340: arguments and results of every shape") {
  Runtime runtime(2);
  wrong = 0;
  everywhere([] {
    entry<&nothing>();
    CHECK(entry<&add>(2, 3) == 5);
    CHECK(entry<&sum_of_many>(1, 2, 3, 4, 5.5f, 6.5, true, "\x07", 8, 9, 10.5, 11.5f) == 67);
    const Small s = entry<&small>({1, 2});
    CHECK(s.a == 2);
    CHECK(s.b == 3);
    const Pair p = entry<&pair>({1.5, int64_t{1} << 40});
    CHECK(p.x == 3.0);
    CHECK(p.n == int64_t{1} << 41);
    Large l{};
    l.values[39] = 7;
    CHECK(entry<&large>(l).values[39] == 8);
    CHECK(entry<&aligned>({{1, 2, 3, 4}}).values[3] == 4.5);
    CHECK(entry<&counted>(Counted(4)).value == 5);
    const std::unique_ptr<std::string> text(entry<&text_of>("number ", 6));
    CHECK(*text == "number 6");
    CHECK(std::any_cast<int>(entry<&through_any>(41)) == 42);
    CHECK(entry<&pointer>(nullptr) == nullptr);
    CHECK(entry<&pointer>(&l) == &l);
    CHECK(entry<&negate>(true) == false);
    CHECK(static_cast<long>(entry<&wide>(__int128{1} << 70) >> 64) == 64);
    CHECK(entry<&next_colour>(Colour::Red) == Colour::Green);
    CHECK(entry<&narrow>(-100, 65535, -27) == -128);
    CHECK(entry<&narrow>(1, 0, -3) == -2);
    CHECK(entry<&add>(-5, 3) == -2);
    CHECK(entry<&all_bits>() == 65535);
    CHECK(entry<&extreme>(INT64_MIN, ~0ull, "x") == INT64_MIN);
    long stored = 0;
    entry<&store>(&stored, -1);
    CHECK(stored == -1);
    CHECK(entry<&fourth>(1, -3, 2, 4'000'000'000u) == 4'000'000'000u);
  });
  CHECK(wrong == 0);
  CHECK(Counted::alive == 0);
  CHECK(Counted::copies == 0);
}

int pick(int v) { return v + 1; }
double pick(double v) { return v + 0.5; }

TEST_CASE("entry_as picks one of an overload set") {
  Runtime runtime(2);
  everywhere([] {
    int (*const of_int)(int) = entry_as<int(int), &pick>;
    double (*const of_double)(double) = entry_as<double(double), &pick>;
    CHECK(of_int(1) == 2);
    CHECK(of_double(1.0) == 1.5);
  });
}

constexpr auto as_long = entry_as<long(long), [](long value) -> long { return pick(static_cast<int>(value)); }>;

TEST_CASE("entry_as takes a lambda without captures, for a library that wants other types") {
  Runtime runtime(2);
  on_thread([] { CHECK(as_long(20) == pick(20)); });
}

TEST_CASE("TestFpVar: function pointers pass through variables, arguments and tables of C") {
  Runtime runtime(2);
  everywhere([] {
    using Fn = int (*)(int, int);
    Fn variable = entry<&add>;
    const Fn table[2] = {nullptr, variable};
    const auto call = [](Fn fn) { return fn(20, 22); };
    CHECK(variable(20, 22) == 42);
    CHECK(call(variable) == 42);
    CHECK(table[1](20, 22) == 42);
    CHECK((variable == entry<&add>));
  });
}

// --- many operations in one callback ---------------------------------------------------------------------------------------

// 16 bytes: what the ABI promises for every frame, so the compiler relies on it and aligns nothing by itself.
void allocate_ten_thousand_times(unsigned owner) {
  alignas(16) volatile double probe[2] = {1.5, 2.5};
  const Locals mine(owner);
  look(is_aligned(probe, 16));
  for (unsigned i = 1; i <= 10'000; ++i) {
    auto* const one = new unsigned(i);
    asm volatile("" : : "r"(one) : "memory");  // not left out
    look(*one == i);
    delete one;
    if (i % 1'000 == 0) causeway::this_green::yield();
  }
  look(mine.intact());
  look(probe[0] + probe[1] == 4.0);
}
void no_argument() { allocate_ten_thousand_times(1); }
void* one_argument(void* p) {
  allocate_ten_thousand_times(2);
  return p;
}

TEST_CASE("TestZeroArgCallback, Test1328: ten thousand allocations in a callback without arguments, and in one with one") {
  Runtime runtime(2);
  wrong = 0;
  everywhere([] {
    entry<&no_argument>();
    int local = 0;
    look(entry<&one_argument>(&local) == &local);
  });
  CHECK(wrong == 0);
}

// --- C functions that take one --------------------------------------------------------------------------------------------------

int compare(const void* a, const void* b) {
  if (*static_cast<const int*>(a) % 64 == 0) causeway::this_green::yield();
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

TEST_CASE("qsort() with a managed comparison, some thousand calls each") {
  Runtime runtime(2);
  const auto sort = [] {
    std::vector<int> values(500);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i * 7919 % 1000);
    qsort(values.data(), values.size(), sizeof values[0], entry<&compare>);
    for (size_t i = 1; i < values.size(); ++i) look(values[i - 1] <= values[i]);
  };
  wrong = 0;
  everywhere(sort);
  causeway::spawn(sort).join();  // without a call out: plain calls
  CHECK(wrong == 0);
}

struct Listener {
  virtual ~Listener() = default;
  virtual int on_event(int value) = 0;
};
int drive(Listener& listener) {  // "C++ code of a host"
  int sum = 0;
  for (int i = 0; i < 10; ++i) sum += listener.on_event(i);
  return sum;
}

TEST_CASE("swig TestCallback: a virtual function of a host's class enters the runtime") {
  Runtime runtime(2);
  struct Managed : Listener {
    int on_event(int value) override {
      return causeway::enter([this, value] {
        causeway::this_green::yield();
        ++calls;
        return value * 2;
      });
    }
    int calls = 0;
  };
  everywhere([] {
    Managed listener;
    CHECK(drive(listener) == 90);
    CHECK(listener.calls == 10);
  });
}

// --- when it throws, or cannot run ------------------------------------------------------------------------------------------------

int throws(int v) { throw std::runtime_error("text " + std::to_string(v)); }
int throws_nothing_known() { throw 5; }
const char* throws_for_a_pointer() { throw std::logic_error("no pointer"); }
Pair throws_for_a_struct() { throw std::logic_error("no struct"); }

struct Told {
  static inline std::atomic<int> errors{0}, lines{0};
  static inline std::string last_error, last_line;  // written by the callers below, one at a time
  Told() {
    errors = lines = 0;
    cw_error_handler_set(
        [](cw_status, const char*, const char* text, void*) {
          last_error = text;
          ++errors;
        },
        nullptr);
    cw_log_set(
        [](int, const char* text, size_t size, void*) {
          last_line.assign(text, size);
          ++lines;
        },
        nullptr);
  }
  ~Told() {
    cw_error_handler_set(nullptr, nullptr);
    cw_log_set(nullptr, nullptr);
  }
};
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TEST_CASE("on_exception::return_value gives C the value and the error handler the exception") {
  Runtime runtime(2);
  const Told told;
  int round = 0;
  everywhere([&] {
    CHECK(entry<&throws, on_exception::return_value(-7)>(3) == -7);
    CHECK(has(Told::last_error, "text 3"));
    CHECK(entry<&throws, on_exception::return_value(short{-8})>(4) == -8);
    CHECK(entry<&throws_for_a_pointer, on_exception::return_value(nullptr)>() == nullptr);
    CHECK(has(Told::last_error, "no pointer"));
    const Pair p = entry<&throws_for_a_struct, on_exception::return_value(Pair{1.0, 2})>();
    CHECK(p.x == 1.0);
    CHECK(p.n == 2);
    CHECK(has(Told::last_error, "no struct"));
    entry<&throws_nothing_known, on_exception::return_value(0)>();
    CHECK(has(Told::last_error, "no std::exception"));
    CHECK(Told::errors == 5 * ++round);
    CHECK(entry<&add, on_exception::return_value(-1)>(1, 2) == 3);
  });
}

int deep_value(int v) { return v; }
Pair deep_struct() { return {5, 5}; }

TEST_CASE("an entry that cannot run gives its value, else zero, and says so in the log") {
  const Told told;
  causeway::options options;
  options.processors = 2;
  options.max_depth = 1;
  {
    Runtime runtime(options);
    on_thread([] {
      CHECK(enter([] {
              causeway::call([] {
                // The 1st, 2nd, 4th, 8th... of the process is said.
                for (int i = 0; i < 100'000 && Told::lines == 0; ++i) CHECK(entry<&deep_value>(5) == 0);
                CHECK(Told::lines == 1);
                CHECK(has(Told::last_line, "CW_E_DEPTH"));
                CHECK(entry<&deep_value, on_exception::return_value(-2)>(5) == -2);
                CHECK(entry<&deep_struct, on_exception::return_value(Pair{9, 9})>().n == 9);
                entry<&nothing>();
                CHECK(entry<&pointer>(&Told::lines) == nullptr);
                CHECK(status_of([] { causeway::enter([] {}); }) == CW_E_DEPTH);
              });
            }) == CW_OK);
      CHECK(entry<&deep_value>(5) == 5);
    });
  }
  CHECK(Told::errors == 0);
}

}  // namespace

namespace {

int late_calls() { return 5; }

struct Lines {
  std::atomic<int> of_late_calls{0};
  static void count(int /*level*/, const char* text, size_t length, void* self) {
    if (std::string_view(text, length).find("CW_E_NOT_READY") != std::string_view::npos) ++static_cast<Lines*>(self)->of_late_calls;
  }
};

}  // namespace

// FAULTS 3: not a line for each call, which may come at the rate of an audio thread.
TEST_CASE("an entry that is called after the stop gives its value, and the log a line at each power of two") {
  Lines lines;
  {
    Runtime runtime(2);
    on_thread([] { CHECK(entry<&late_calls, on_exception::return_value(-1)>() == 5); });
  }
  cw_options options;
  REQUIRE(cw_options_init(&options) == CW_OK);
  options.implicit_start = 0;
  options.start_wait_ns = 0;
  REQUIRE(cw_options_set_default(&options) == CW_OK);
  cw_log_set(&Lines::count, &lines);
  int wrong_values = 0;
  on_thread([&] {
    for (int i = 0; i < 100; ++i) wrong_values += entry<&late_calls, on_exception::return_value(-1)>() != -1;
  });
  cw_log_set(nullptr, nullptr);
  REQUIRE(cw_options_set_default(nullptr) == CW_OK);
  CHECK(wrong_values == 0);
  CHECK(lines.of_late_calls >= 1);
  CHECK(lines.of_late_calls <= 8);
}
