// SPDX-License-Identifier: MIT
//
// Registers over calls in and out: all that the ABI calls callee-saved, filled by an assembly probe, and the floating-point control words, which
// belong to each side of the border (CgoCallbackX15, TestDITCgo, FAULTS 66 and 67).
//
// Risk: a compiler uses few registers in a small test, so a register that is lost at the border goes unnoticed until somebody's loop counter
// lies in it; a rounding mode that C sets changes the arithmetic of green threads, or the other way round.
#include <cfenv>
#include <stdexcept>

#include "tests/cpp/arch/probe.hpp"
#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::arch::test::as_target;
using causeway::arch::test::first_difference;
using causeway::arch::test::ProbeWords;

// Leaves other numbers in all of them while it runs.
void disturb() {
  const ProbeWords in = ProbeWords::pattern(0xd15);
  ProbeWords out;
  causeway::arch::test::probe([](void*, void*, void*) -> void* { return nullptr; }, nullptr, nullptr, nullptr, in, out);
}

// Calls f(a, b) of C with all callee-saved registers filled. -1: they came back as they were; else the number of the first that did not.
template <class F>
int lost_in(F* function, void* a, void* b, void* c, uint64_t tag) {
  const ProbeWords in = ProbeWords::pattern(tag);
  ProbeWords out;
  causeway::arch::test::probe(as_target(function), a, b, c, in, out);
  return first_difference(in, out);
}

void* pointer_of(cw_fn fn) { return reinterpret_cast<void*>(fn); }

void plain(void*) { disturb(); }
void parking(void*) {
  disturb();
  causeway::this_green::sleep_for(1us);
  causeway::this_green::yield();
  disturb();
}
void calling_out(void*) {
  for (const int kind : {CW_QUICK, CW_BLOCKING, CW_LEAF}) cw_call(kind, plain, nullptr);
  causeway::call([] { enter([] { parking(nullptr); }); });
}
void throwing(void*) {
  disturb();
  throw std::runtime_error("to cw_enter");
}

// From C: what a call in does to the registers of its caller.
int lost_by_calls_in(uint64_t tag) {
  for (const cw_fn fn : {plain, parking, calling_out, throwing})
    if (const int lost = lost_in(cw_enter, pointer_of(fn), nullptr, nullptr, tag++); lost >= 0) return lost;
  return -1;
}

void enter_and_park(void*) {
  disturb();
  enter([] { parking(nullptr); });
}

// On a green thread: what a call out does to its own. cw_call(kind, fn, arg): the kind is passed as a word.
int lost_by_calls_out(uint64_t tag) {
  for (const int kind : {CW_QUICK, CW_BLOCKING, CW_LEAF}) {
    auto* word = reinterpret_cast<void*>(static_cast<uintptr_t>(kind));
    if (const int lost = lost_in(cw_call, word, pointer_of(plain), nullptr, tag++); lost >= 0) return lost;
    if (kind == CW_LEAF) continue;
    if (const int lost = lost_in(cw_call, word, pointer_of(enter_and_park), nullptr, tag++); lost >= 0) return lost;
  }
  return -1;
}

TEST_CASE("CgoCallbackX15: callee-saved registers of C survive its first call in, later ones, ones that park, call out and throw") {
  Runtime runtime(2);
  for (uint64_t round = 0; round < 10; ++round)
    on_thread([&] {
      CHECK(lost_by_calls_in(0x100 + 16 * round) == -1);
      CHECK(lost_by_calls_in(0x200 + 16 * round) == -1);
      Coroutine host([&](Coroutine&) { CHECK(lost_by_calls_in(0x300 + 16 * round) == -1); });
      host.resume();
    });
}

TEST_CASE("callee-saved registers of a green thread survive its calls out, of each kind, nested, and while its processor is taken") {
  Runtime runtime(2);
  std::vector<causeway::task<void>> tasks;
  for (uint64_t i = 0; i < 6; ++i)
    tasks.push_back(causeway::spawn([i] {
      for (uint64_t round = 0; round < 20; ++round) CHECK(lost_by_calls_out(0x1000 * (i + 1) + 16 * round) == -1);
    }));
  for (auto& task : tasks) task.join();
  on_thread([] {
    CHECK(enter([] {
            CHECK(lost_by_calls_out(0x9000) == -1);
            causeway::call([] { CHECK(lost_by_calls_in(0x9100) == -1); });
          }) == CW_OK);
  });
}

// --- floating point --------------------------------------------------------------------------------------------------------

// A setting of its own for each place; back to the first at the end, or the next case would start with it.
struct Rounding {
  explicit Rounding(int mode) { std::fesetround(mode); }
  ~Rounding() { std::fesetround(FE_TONEAREST); }
  Rounding(const Rounding&) = delete;
  Rounding& operator=(const Rounding&) = delete;
};

causeway::options float_apart() {
  causeway::options options;
  options.processors = 2;
  options.check = "float";
  return options;
}

// volatile: the division happens here and now.
double third() {
  volatile double one = 1.0, three = 3.0;
  return one / three;
}

TEST_CASE("TestDITCgo: what C sets in the floating-point control words does not reach the green thread that called it") {
  Runtime runtime(float_apart());
  const auto calls = [] {
    const double nearest = third();
    for (const int kind : {CW_QUICK, CW_BLOCKING, CW_LEAF}) {
      CHECK(cw_call(kind, [](void*) { std::fesetround(FE_UPWARD); }, nullptr) == CW_OK);
      CHECK(std::fegetround() == FE_TONEAREST);
      CHECK(third() == nearest);
      const Rounding own(FE_DOWNWARD);
      CHECK(cw_call(kind, [](void*) { std::fesetround(FE_UPWARD); }, nullptr) == CW_OK);
      CHECK(std::fegetround() == FE_DOWNWARD);
    }
  };
  causeway::spawn(calls).join();
  on_thread([&] { CHECK(enter(calls) == CW_OK); });
}

TEST_CASE("a callback starts with the control words of a process, whatever C has set, and leaves C's alone") {
  Runtime runtime(float_apart());
  const auto calls = [] {
    for (const int mode : {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      const Rounding own(mode);
      for (int i = 0; i < 3; ++i) {
        CHECK(enter([] {
                CHECK(std::fegetround() == FE_TONEAREST);
                std::fesetround(FE_DOWNWARD);
                causeway::this_green::sleep_for(1us);
                causeway::this_green::yield();
                CHECK(std::fegetround() == FE_DOWNWARD);
                causeway::call([] { CHECK(enter([] { CHECK(std::fegetround() == FE_TONEAREST); }) == CW_OK); });
                CHECK(std::fegetround() == FE_DOWNWARD);
              }) == CW_OK);
        CHECK(std::fegetround() == mode);
      }
    }
  };
  on_thread(calls);
  causeway::spawn([&] { causeway::call(calls); }).join();
}

// --- every control bit, as C's assembly may set it ---------------------------------------------------------------------------

struct Control {
  uint64_t words[2];
  bool operator==(const Control&) const = default;
};
// mxcsr and the x87 word, or fpcr and nothing.
const bool kTwoWords = cw_test_fp_controls[0][1] != 0;

Control control_now() {
  Control now{};
  cw_test_read_fp_control(now.words);
  if (kTwoWords) now.words[0] &= ~uint64_t{0x3f};  // sticky exception flags belong to nobody
  return now;
}
void use(const Control& control) { cw_test_write_fp_control(control.words); }
Control setting(int number) { return {{cw_test_fp_controls[number][0], cw_test_fp_controls[number][1]}}; }

// Those of the CPU layer's tests, and flush-to-zero alone, of which <fenv.h> and the x87 word know nothing.
std::vector<Control> settings() {
  const Control first = setting(0);
  return {first, setting(1), setting(2), setting(3), {{first.words[0] | (kTwoWords ? 0x8040u : 0x01000000u), first.words[1]}}};
}

TEST_CASE("TestDITCgo: each control bit that C leaves changed is as it was in the green thread that called it") {
  Runtime runtime(float_apart());
  const auto calls = [] {
    const Control first = control_now();
    for (const Control& own : settings())
      for (const Control& of_c : settings())
        for (const int kind : {CW_QUICK, CW_BLOCKING, CW_LEAF}) {
          use(own);
          const cw_status status = call([&] { use(of_c); }, kind);
          const Control after = control_now();
          use(first);
          CHECK(status == CW_OK);
          CHECK(after == own);
        }
  };
  causeway::spawn(calls).join();
  on_thread([&] { CHECK(enter(calls) == CW_OK); });
}

TEST_CASE("each control bit that a callback leaves changed is as it was in C") {
  Runtime runtime(float_apart());
  const auto calls = [] {
    const Control first = control_now();
    for (const Control& of_c : settings())
      for (const Control& own : settings()) {
        use(of_c);
        const cw_status status = enter([&] { use(own); });
        const Control after = control_now();
        use(first);
        CHECK(status == CW_OK);
        CHECK(after == of_c);
      }
  };
  on_thread(calls);
  causeway::spawn([&] { causeway::call(calls); }).join();
}

TEST_CASE("a callback starts with the control words of a process, whichever bit C has set") {
  Runtime runtime(float_apart());
  const auto calls = [] {
    const Control first = control_now();
    for (const Control& of_c : settings()) {
      Control seen{};
      use(of_c);
      const cw_status status = enter([&] { seen = control_now(); });
      use(first);
      CHECK(status == CW_OK);
      CHECK(seen == setting(0));
    }
  };
  on_thread(calls);
  causeway::spawn([&] { causeway::call(calls); }).join();
}

}  // namespace
