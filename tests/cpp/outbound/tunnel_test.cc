// SPDX-License-Identifier: MIT
//
// on_exception::tunnel: what a callback threw goes on from the call out that led to it, after C has cleaned up and returned.
//
// Risk: an exception that is lost, comes out of another call out than its own, or twice; a call that is left in a state in which the next one fails.
#include <stdexcept>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::entry;
namespace on_exception = causeway::on_exception;

// Runs body on a green thread of its own, and in a callback of a host's thread.
template <class F>
void on_green(F body) {
  causeway::spawn(body).join();
  on_thread([&] { CHECK(enter(body) == CW_OK); });
}

template <class F>
std::string text_of(F&& body) {
  try {
    std::forward<F>(body)();
  } catch (const std::exception& e) { return e.what(); } catch (int n) {
    return "int " + std::to_string(n);
  }
  return "nothing";
}

// The error handler's.
struct Told {
  static inline std::atomic<int> errors{0};
  static inline std::string last;  // of callers one at a time
  Told() {
    errors = 0;
    last.clear();
    cw_error_handler_set(
        [](cw_status, const char*, const char* text, void*) {
          last = text;
          ++errors;
        },
        nullptr);
  }
  ~Told() { cw_error_handler_set(nullptr, nullptr); }
};

struct Failed : std::runtime_error {
  explicit Failed(int n) : std::runtime_error("failed " + std::to_string(n)), number(n) {}
  int number;
};

int throws(int n) {
  causeway::this_green::yield();
  if (n >= 0) throw Failed(n);
  return n;
}
constexpr auto tunnelled = entry<&throws, on_exception::tunnel(-7)>;
void throws_an_int() { throw 5; }
std::pair<int, int> throws_for_a_struct(int n) { throw Failed(n); }

// "A C library": calls back, notes what it got, cleans up.
struct Library {
  int (*callback)(int) = tunnelled;
  int got = 0, cleaned = 0;
  int run(int n) {
    got = callback(n);
    ++cleaned;
    return got;
  }
};

TEST_CASE("C gets the value, cleans up and returns; the same exception goes on from the call out") {
  Runtime runtime(2);
  const Told told;
  on_green([] {
    Library library;
    const std::exception* first = nullptr;
    try {
      causeway::call([&] { return library.run(3); });
      CHECK(false);
    } catch (const Failed& e) {
      first = &e;
      CHECK(e.number == 3);
    }
    CHECK(first != nullptr);
    CHECK(library.got == -7);
    CHECK(library.cleaned == 1);
    CHECK(std::uncaught_exceptions() == 0);
    // And all is as before.
    CHECK(causeway::call([&] { return library.run(-1); }) == -1);
    CHECK(std::current_exception() == nullptr);
  });
  CHECK(Told::errors == 0);
}

TEST_CASE("each kind of call out throws it") {
  Runtime runtime(2);
  const Told told;
  on_green([] {
    CHECK(text_of([] { causeway::call(tunnelled, 1); }) == "failed 1");
    CHECK(text_of([] { causeway::call_blocking(tunnelled, 2); }) == "failed 2");
    CHECK(text_of([] { causeway::call_errno(tunnelled, 3); }) == "failed 3");
    CHECK(text_of([] { causeway::call([]() noexcept { tunnelled(4); }); }) == "failed 4");
    CHECK(text_of([] { causeway::call([]() -> std::string { return std::string(100, static_cast<char>('a' + tunnelled(5) % 2)); }); }) ==
          "failed 5");
    CHECK(text_of([] { causeway::call(entry<&throws_an_int, on_exception::tunnel()>); }) == "int 5");
    CHECK(text_of([] { causeway::call(entry<&throws_for_a_struct, on_exception::tunnel(std::pair(1, 2))>, 6); }) == "failed 6");
  });
  CHECK(Told::errors == 0);
}

TEST_CASE("a result of class type that C++ code of the call gave is destroyed once") {
  Runtime runtime(2);
  on_green([] {
    CHECK(text_of([] {
            causeway::call([] {
              tunnelled(1);
              return Counted(1);
            });
          }) == "failed 1");
  });
  CHECK(Counted::alive == 0);
}

TEST_CASE("cw_call answers CW_E_PANIC, with the text") {
  Runtime runtime(2);
  on_green([] {
    for (const int kind : {CW_QUICK, CW_BLOCKING}) {
      CHECK(call([] { tunnelled(8); }, kind) == CW_E_PANIC);
      CHECK(std::string(cw_last_error()) == "an exception left a callback: failed 8");
      CHECK(call([] { tunnelled(-8); }, kind) == CW_OK);
    }
  });
}

// --- several levels ---------------------------------------------------------------------------------------------------------------

// Level n calls out to C, which calls level n - 1; the lowest throws. `caught[n]`: level n caught it and throws its own.
struct Levels {
  static inline int seen = 0;
  static inline bool each_its_own = false;
};

int level(int n) {
  const Locals locals(static_cast<unsigned>(n));
  if (n == 0) throw Failed(100);
  try {
    causeway::call(entry<&level, on_exception::tunnel(-1)>, n - 1);
  } catch (const Failed& e) {
    if (!locals.intact() || e.number != (Levels::each_its_own ? 100 + n - 1 : 100)) std::abort();
    ++Levels::seen;
    if (Levels::each_its_own) throw Failed(100 + n);
    throw;
  }
  return 0;
}

TEST_CASE("several levels: over each it goes on, or another one does, and none is mistaken for another") {
  Runtime runtime(2);
  const Told told;
  constexpr int kLevels = 12;
  for (const bool own : {false, true}) {
    Levels::each_its_own = own;
    Levels::seen = 0;
    on_green([&] { CHECK(text_of([] { level(kLevels); }) == (own ? "failed " + std::to_string(100 + kLevels) : "failed 100")); });
    CHECK(Levels::seen == 2 * kLevels);
  }
  CHECK(Told::errors == 0);
}

int inner_is_caught(int n) {
  CHECK(text_of([&] { causeway::call(tunnelled, n); }) == "failed " + std::to_string(n));
  throw Failed(n + 1);
}

TEST_CASE("while one waits for its call out, callbacks below it run, and exceptions of theirs come out of calls out of their own") {
  Runtime runtime(2);
  const Told told;
  on_green([] {
    int after = 0;
    CHECK(text_of([&] {
            causeway::call([&] {
              tunnelled(1);
              after = entry<&throws>(-5);
              CHECK(enter([] { CHECK(text_of([] { causeway::call(tunnelled, 2); }) == "failed 2"); }) == CW_OK);
            });
          }) == "failed 1");
    CHECK(after == -5);
    CHECK(text_of([] { causeway::call(entry<&inner_is_caught, on_exception::tunnel(0)>, 10); }) == "failed 11");
  });
  CHECK(Told::errors == 0);
}

TEST_CASE("of several exceptions of one call out the first goes on, and the error handler gets the others") {
  Runtime runtime(2);
  const Told told;
  causeway::spawn([] {
    CHECK(text_of([] {
            causeway::call([] {
              tunnelled(1);
              CHECK(tunnelled(2) == -7);
            });
          }) == "failed 1");
    CHECK(Told::errors == 1);
    CHECK(Told::last == "failed 2");
    // One of the call's own C++ code is later too.
    CHECK(text_of([] {
            causeway::call([] {
              tunnelled(3);
              throw Failed(4);
            });
          }) == "failed 3");
    CHECK(Told::errors == 2);
    CHECK(Told::last == "failed 4");
    CHECK(call([] {
            tunnelled(5);
            throw Failed(6);
          }) == CW_E_PANIC);
    CHECK(Told::errors == 3);
    CHECK(Told::last == "failed 6");
  }).join();
}

// --- without a call out -----------------------------------------------------------------------------------------------------------

int plain_below(int) {
  // No call out: C code on our own stack, as qsort() with a comparison.
  CHECK(tunnelled(1) == -7);
  return 0;
}

TEST_CASE("without a call out that led here the error handler gets it, not a call out further out") {
  Runtime runtime(2);
  const Told told;
  on_thread([] { CHECK(tunnelled(1) == -7); });
  CHECK(Told::errors == 1);
  causeway::spawn([] {
    CHECK(tunnelled(2) == -7);
    CHECK(Told::errors == 2);
    CHECK(causeway::call(entry<&plain_below>, 0) == 0);
    CHECK(Told::errors == 3);
  }).join();
  on_thread([] { CHECK(causeway::call(tunnelled, 4) == -7); });  // a plain call
  CHECK(Told::errors == 4);
}

TEST_CASE("in a handler of another exception: that is still handled afterwards") {
  Runtime runtime(2);
  on_green([] {
    try {
      throw std::logic_error("outer");
    } catch (const std::exception&) {
      CHECK(text_of([] { causeway::call(tunnelled, 1); }) == "failed 1");
      CHECK(text_of([] { std::rethrow_exception(std::current_exception()); }) == "outer");
      CHECK(text_of([] {
              causeway::call([] {
                try {
                  throw 1;
                } catch (int) { tunnelled(2); }
              });
            }) == "failed 2");
    }
    CHECK(std::current_exception() == nullptr);
    CHECK(std::uncaught_exceptions() == 0);
  });
}

TEST_CASE("PA-01, PA-02: TestCallbackPanic, TestCallbackPanicLoop: a hundred thousand times, nothing is left") {
  Runtime runtime(2);
  const int n = few() ? 1'000 : 100'000;
  on_green([n] {
    int caught = 0;
    const auto before = stats();
    for (int i = 0; i < n; ++i) {
      try {
        causeway::call(tunnelled, i);
      } catch (const Failed& e) { caught += e.number == i; }
    }
    CHECK(caught == n);
    CHECK(stats().stack_bytes == before.stack_bytes);
  });
}

TEST_CASE("PA-03: TestCallbackPanicLocked: a lock on the thread survives") {
  Runtime runtime(2);
  on_green([] {
    const causeway::thread_affinity affinity;
    const int before = tid();
    for (int i = 0; i < 100; ++i) {
      CHECK(text_of([i] { causeway::call(tunnelled, i); }) == "failed " + std::to_string(i));
      causeway::this_green::yield();
      CHECK(tid() == before);
    }
  });
}

void raise_from_c(const char* text) { throw std::runtime_error(text); }

TEST_CASE("PA-04: TestPanicFromC: C raises an exception in its caller by an entry whose policy is tunnel()") {
  Runtime runtime(2);
  on_green([] {
    CHECK(text_of([] { causeway::call([] { entry<&raise_from_c, on_exception::tunnel()>("message from C"); }); }) == "message from C");
  });
}

}  // namespace
