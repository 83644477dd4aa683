// SPDX-License-Identifier: MIT
//
// Late calls beside the search for a slot to use again. FAULTS 40.
//
// Guards against a late call that gets zero because somebody looked whether its slot is free, though it is not: another late call reads it.
// And against a log that is flooded, or tells the wrong story, when a host passes wrong user data.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "causeway/causeway.hpp"
#include "tests/cpp/inbound/support.hpp"

using causeway::callback;
namespace on_exception = causeway::on_exception;
using namespace crossing_test;  // NOLINT(google-build-using-namespace): the tests' own tools

namespace {

// A signature of this file's own: nobody else's dead slots come before ours.
struct Ours;
using Cb = callback<int(Ours*)>;
std::unique_ptr<Cb> make(int n, const char* name = nullptr) {
  return std::make_unique<Cb>([n](Ours*) { return n; }, on_exception::return_value(-n), causeway::callback_options{.name = name});
}

struct Held {
  std::atomic<bool> inside{false}, go_on{false};
};
// The log's line about a late call is written while the call reads its slot.
void hold(int /*level*/, const char* text, size_t length, void* arg) {
  auto& held = *static_cast<Held*>(arg);
  if (std::string_view(text, length).find("held_in_the_log") == std::string_view::npos || held.inside.exchange(true)) return;
  while (!held.go_on) std::this_thread::yield();
}

}  // namespace

TEST_CASE("a late call gets its fallback while others look whether its slot can be used again") {
  const Runtime runtime{2};
  Held held;
  REQUIRE(cw_log_set(hold, &held) == CW_OK);
  auto late = make(7, "held_in_the_log");
  auto spare = make(8);
  auto* const code = late->code();
  auto* const spare_code = spare->code();
  late.reset();
  HostThread reader([&] { CHECK(code(nullptr) == -7); });
  REQUIRE(eventually([&] { return held.inside.load(); }));
  spare.reset();
  // Until the tables are full: then each search looks at the oldest one first, which is read, and takes the other one.
  std::vector<std::unique_ptr<Cb>> rest;
  do rest.push_back(make(9));
  while (rest.back()->code() != spare_code && rest.size() < 100'000);
  REQUIRE_UNARY(rest.back()->code() == spare_code);
  rest.pop_back();

  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  HostThread caller([&] {
    while (!stop) wrong += code(nullptr) != -7;
  });
  // Without the protection some ten thousand searches beside the caller are enough. (It writes a line then, and waits for ours.)
  const int searches = few() ? 20'000 : 200'000;
  for (int i = 0; i < searches; ++i) CHECK_UNARY(make(9)->code() == spare_code);
  stop = true;
  held.go_on = true;
  reader.join();
  caller.join();
  CHECK(wrong == 0);
  CHECK(cw_log_set(nullptr, nullptr) == CW_OK);
}

// A host that passes wrong user data does so at each call: the log would be nothing else.
TEST_CASE("wrong user data is told to be what it is, and thinned in the log") {
  const Runtime runtime{2};
  std::vector<std::string> lines;
  REQUIRE(cw_log_set([](int, const char* text, size_t n, void* arg) { static_cast<std::vector<std::string>*>(arg)->emplace_back(text, n); },
                     &lines) == CW_OK);
  const auto lines_with = [&lines](const char* text) {
    return std::count_if(lines.begin(), lines.end(), [text](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  causeway::user_data_callback<int(void*), 0> ours{[](void*) { return 1; }, on_exception::return_value(-1), {.name = "ours"}};
  causeway::user_data_callback<int(void*, Ours*), 0> theirs{
      [](void*, Ours*) { return 2; }, on_exception::return_value(-2), {.name = "theirs"}};
  const uint64_t dead = causeway::stats().callbacks_dead_called;
  for (int i = 0; i < 100; ++i) CHECK(ours.code()(theirs.data()) == 0);
  CHECK(causeway::stats().callbacks_dead_called == dead);  // both are open
  CHECK(lines_with("closed") == 0);
  CHECK(lines_with("with the user data of callback \"theirs\", which is of another type: C got zero") == 7);  // 1, 2, 4, ... 64
  for (uintptr_t i = 1; i <= 100; ++i) CHECK(ours.code()(reinterpret_cast<void*>(i * 64)) == 0);
  CHECK(causeway::stats().callbacks_dead_called == dead + 100);
  CHECK(lines_with("user data that no callback has") <= 7);  // the count goes on from what other cases of this program did
  CHECK(ours.code()(ours.data()) == 1);
  CHECK(cw_log_set(nullptr, nullptr) == CW_OK);
}
