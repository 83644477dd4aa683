// SPDX-License-Identifier: MIT
//
// The C++ exceptions that are being handled, over calls in and out: each callback has its own, each call out gives the host's back, and
// coroutines end in any order while each of them is inside a catch block or a destructor that an exception runs.
//
// Risk: C++ keeps them per OS thread, as a stack. A callback that ends before one that began later would take that one's exception off.
#include <cxxabi.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "runtime/os/os.hpp"
#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

std::atomic<int> wrong{0};
void look(bool good) { wrong += !good; }

// What is being handled here, by its text; "" if nothing is.
std::string handled() {
  const std::exception_ptr now = std::current_exception();
  if (!now) return "";
  try {
    std::rethrow_exception(now);
  } catch (const std::exception& e) { return e.what(); } catch (...) {
    return "?";
  }
}

TEST_CASE("a callback sees no exception of its caller, throws and catches its own, and the caller's is as it was") {
  Runtime runtime(2);
  const auto host = [] {
    try {
      throw std::runtime_error("the host's");
    } catch (const std::runtime_error&) {
      for (int i = 0; i < 3; ++i)
        CHECK(enter([] {
                CHECK(handled() == "");
                CHECK(std::uncaught_exceptions() == 0);
                try {
                  throw std::logic_error("the callback's");
                } catch (const std::logic_error&) {
                  causeway::this_green::yield();
                  CHECK(handled() == "the callback's");
                  causeway::call([] { CHECK(handled() == "the host's"); });  // C gets the host's own back
                  CHECK(handled() == "the callback's");
                }
                CHECK(handled() == "");
              }) == CW_OK);
      CHECK(handled() == "the host's");
      CHECK_THROWS_WITH(throw, "the host's");
    }
    CHECK(handled() == "");
  };
  on_thread(host);
  causeway::spawn([&] { causeway::call(host); }).join();
}

TEST_CASE("C code below a green thread in a catch block handles nothing, and neither does a callback in it") {
  Runtime runtime(2);
  const auto green = [] {
    try {
      throw std::runtime_error("the green thread's");
    } catch (const std::runtime_error&) {
      for (const int kind : {CW_QUICK, CW_BLOCKING}) {
        CHECK(call(
                  [] {
                    CHECK(handled() == "");
                    CHECK(enter([] { CHECK(handled() == ""); }) == CW_OK);
                    try {
                      throw std::logic_error("C's");
                    } catch (const std::logic_error&) {
                      CHECK(enter([] {
                              CHECK(handled() == "");
                              causeway::this_green::yield();
                            }) == CW_OK);
                      CHECK(handled() == "C's");
                    }
                  },
                  kind) == CW_OK);
        CHECK(handled() == "the green thread's");
      }
    }
    CHECK(handled() == "");
  };
  causeway::spawn(green).join();
  on_thread([&] { CHECK(enter(green) == CW_OK); });
}

TEST_CASE("a green thread in a catch block whose call comes back when its processor is gone goes on with its own exception") {
  Runtime runtime(1);
  std::atomic<bool> other_runs{false}, over{false};
  auto caller = causeway::spawn([&] {
    try {
      throw std::runtime_error("the green thread's");
    } catch (const std::runtime_error&) {
      causeway::call([&] { look(eventually([&] { return other_runs.load(); })); });  // on the only processor: it was taken from us
      look(handled() == "the green thread's");
      causeway::this_green::yield();
      look(handled() == "the green thread's");
    }
    look(handled() == "");
    over = true;
  });
  auto other = causeway::spawn([&] {
    other_runs = true;
    while (!over) look(handled() == "");  // and keeps it, until it counts as a hog
  });
  caller.join();
  other.join();
  CHECK(wrong == 0);
}

TEST_CASE("uncaught_exceptions() is a count of each side") {
  Runtime runtime(2);
  struct CallsIn {
    ~CallsIn() {
      CHECK(std::uncaught_exceptions() == 1);
      CHECK(enter([] {
              CHECK(std::uncaught_exceptions() == 0);
              struct CallsOut {
                ~CallsOut() {
                  CHECK(std::uncaught_exceptions() == 1);
                  causeway::call([] {
                    CHECK(std::uncaught_exceptions() == 1);  // the host's, who is in the destructor above
                  });
                  CHECK(std::uncaught_exceptions() == 1);
                }
              };
              try {
                const CallsOut calls_out;
                throw 1;
              } catch (int) {}
            }) == CW_OK);
      CHECK(std::uncaught_exceptions() == 1);
    }
  };
  on_thread([] {
    try {
      const CallsIn calls_in;
      throw std::runtime_error("on its way");
    } catch (const std::runtime_error&) {}
    CHECK(std::uncaught_exceptions() == 0);
  });
}

// --- coroutines inside catch blocks -----------------------------------------------------------------------------------------

// A callback that handles an exception of its own, two of them nested, while its C code is suspended.
void handle_and_suspend(Coroutine& self, const std::string& mine) {
  const cw_status status = enter([&] {
    try {
      throw std::runtime_error(mine);
    } catch (const std::runtime_error&) {
      try {
        throw std::logic_error(mine + ", inner");
      } catch (const std::logic_error&) {
        causeway::call([&] {
          look(handled() == "");
          self.suspend();
          look(handled() == "");
        });
        look(handled() == mine + ", inner");
        causeway::call([&] { self.suspend(); });
        look(handled() == mine + ", inner");
      }
      causeway::call([&] { self.suspend(); });
      look(handled() == mine);
    }
    look(handled() == "");
  });
  look(status == CW_OK);
}

void in_all_orders() {
  const size_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : orders) {
    std::vector<std::unique_ptr<Coroutine>> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(std::make_unique<Coroutine>([i](Coroutine& self) { handle_and_suspend(self, "exception " + std::to_string(i)); }));
    for (auto& one : all) one->resume();
    for (int step = 0; step < 3; ++step)
      for (const size_t i : order) {
        all[i]->resume();
        look(handled() == "");
      }
    for (auto& one : all) look(one->done());
  }
}

TEST_CASE("coroutines whose callbacks are in catch blocks take turns and end in any order") {
  Runtime runtime(2);
  wrong = 0;
  on_thread(in_all_orders);
  causeway::spawn([] { causeway::call(in_all_orders); }).join();
  on_thread([] {
    try {
      throw std::runtime_error("around all of it");
    } catch (const std::runtime_error&) {
      CHECK(enter([] { causeway::call([] { look(handled() == "around all of it"); }); }) == CW_OK);
      CHECK(handled() == "around all of it");
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("callbacks in catch blocks go on on other threads") {
  Runtime runtime(2);
  wrong = 0;
  on_thread([] {  // not on this thread, which would stay bound for the cases that follow
    for (int round = 0; round < 10; ++round) {
      Coroutine one([](Coroutine& self) { handle_and_suspend(self, "one"); });
      Coroutine two([](Coroutine& self) { handle_and_suspend(self, "two"); });
      one.resume();
      on_thread([&] {
        two.resume();
        one.resume();
      });
      two.resume();
      on_thread([&] { one.resume(); });
      on_thread([&] { two.resume(); });
      one.resume();
      two.resume();
      look(one.done() && two.done());
    }
  });
  CHECK(wrong == 0);
}

// A host whose coroutines may be in catch blocks themselves keeps the two words of each, as a C++ host has to.
class CarefulCoroutine {
 public:
  explicit CarefulCoroutine(std::function<void(CarefulCoroutine&)> body)
      : body_(std::move(body)), coroutine_([this](Coroutine&) { body_(*this); }) {}
  void resume() {
    swap();
    coroutine_.resume();
    swap();
  }
  void suspend() { coroutine_.suspend(); }
  bool done() const { return coroutine_.done(); }

 private:
  struct Words {
    void* caught;
    uint64_t uncaught;
  };
  void swap() { std::swap(*static_cast<Words*>(causeway::os::eh_globals()), words_); }
  std::function<void(CarefulCoroutine&)> body_;
  Words words_{};
  Coroutine coroutine_;
};

TEST_CASE("coroutines that are in catch blocks of the host call in there, and end in another order") {
  Runtime runtime(2);
  wrong = 0;
  on_thread([] {
    for (int round = 0; round < 10; ++round) {
      const auto body = [](CarefulCoroutine& self, const char* mine) {
        try {
          throw std::runtime_error(mine);
        } catch (const std::runtime_error&) {
          const cw_status status = enter([&] {
            look(handled() == "");
            try {
              throw std::logic_error("a callback's");
            } catch (const std::logic_error&) {
              causeway::call([&] {
                look(handled() == mine);
                self.suspend();
                look(handled() == mine);
              });
              look(handled() == "a callback's");
            }
          });
          look(status == CW_OK);
          self.suspend();
          look(handled() == mine);
        }
        look(handled() == "");
      };
      CarefulCoroutine one([&](CarefulCoroutine& self) { body(self, "one"); }), two([&](CarefulCoroutine& self) { body(self, "two"); });
      one.resume();
      two.resume();
      one.resume();
      two.resume();
      one.resume();
      two.resume();
      look(one.done() && two.done());
      look(handled() == "");
    }
  });
  CHECK(wrong == 0);
}

}  // namespace
