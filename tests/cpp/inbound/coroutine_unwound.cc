// SPDX-License-Identifier: MIT
//
// A coroutine of Boost.Context is destroyed while it is suspended in C code below callbacks: its forced unwind passes both crossings, as it would pass frames
// of C++ alone, and the callbacks' green threads are back in their list afterwards. Destroyed at once, beside other callbacks, out of order, and on
// another thread than the one that it was suspended on.
//
// Risk: a catch (...) of ours that takes it for a program's exception; a record that a stop of the runtime waits for for ever.
#include <boost/context/fiber.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "causeway/causeway.hpp"

namespace {

namespace ctx = boost::context;

#define EXPECT(condition)                                                  \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
      std::exit(1);                                                        \
    }                                                                      \
  } while (0)

int in_c = 0, managed = 0;
struct InC {
  ~InC() { in_c += cw_on_green() == 0 ? 1 : 1000; }
};
struct Managed {
  ~Managed() {
    causeway::this_green::yield();
    managed += cw_on_green() == 1 && std::uncaught_exceptions() == 1 ? 1 : 1000;
  }
};

// Suspends the coroutine in C code, `depth` callbacks deep.
struct Host {
  ctx::fiber back;
  void suspend() { back = std::move(back).resume(); }
};

void callback(int depth, Host* host) {
  const Managed cleanup;
  causeway::call([depth, host] {
    const InC c;
    if (depth == 0) host->suspend();
    else causeway::entry<&callback>(depth - 1, host);
  });
}

ctx::fiber suspended(int depth, Host* host) {
  ctx::fiber fiber([depth, host](ctx::fiber&& from) {
    host->back = std::move(from);
    const InC c;
    causeway::entry<&callback>(depth, host);
    return std::move(host->back);
  });
  return std::move(fiber).resume();
}

int nothing(int v) { return v; }
void look(int callbacks) {
  EXPECT(std::uncaught_exceptions() == 0);
  EXPECT(managed == callbacks);
  EXPECT(in_c == callbacks + 1);
  EXPECT(causeway::entry<&nothing>(5) == 5);
  in_c = managed = 0;
}

void each_depth() {
  for (int depth = 0; depth < 4; ++depth) {
    Host host;
    { const ctx::fiber fiber = suspended(depth, &host); }
    look(depth + 1);
  }
}

void beside_others_and_out_of_order() {
  Host a, b;
  std::optional<ctx::fiber> first(suspended(1, &a)), second(suspended(0, &b));
  EXPECT(causeway::entry<&nothing>(6) == 6);
  first.reset();
  look(2);
  *second = std::move(*second).resume();    // this one goes on and returns
  EXPECT(managed == 0 || managed >= 1000);  // its destructor ran without an exception
  in_c = managed = 0;
}

void below_a_callback() {
  causeway::enter([] {
    causeway::call([] {
      Host host;
      { const ctx::fiber fiber = suspended(1, &host); }
      look(2);
    });
    causeway::this_green::yield();
  });
}

void on_another_thread() {
  Host host;
  std::optional<ctx::fiber> fiber;
  std::thread([&] { fiber.emplace(suspended(1, &host)); }).join();
  fiber.reset();
  look(2);
}

// In a handler of the host's: its exception is there afterwards.
void while_one_is_handled() {
  try {
    throw 7;
  } catch (int) {
    Host host;
    { const ctx::fiber fiber = suspended(0, &host); }
    look(1);
    try {
      throw;
    } catch (int n) { EXPECT(n == 7); }
  }
  EXPECT(std::current_exception() == nullptr);
}

void many() {
  const int n = std::getenv("CAUSEWAY_TEST_FEW") != nullptr || std::getenv("CAUSEWAY_EXE_WRAPPER") != nullptr ? 20 : 1000;
  for (int i = 0; i < n; ++i) {
    Host host;
    { const ctx::fiber fiber = suspended(1, &host); }
    look(2);
  }
}

}  // namespace

int main() {
  {
    const causeway::runtime runtime;
    each_depth();
    beside_others_and_out_of_order();
    below_a_callback();
    on_another_thread();
    while_one_is_handled();
    many();
  }  // the stop waits for calls in that are in progress: there are none
  return 0;
}
