// SPDX-License-Identifier: MIT
//
// Owners: callbacks that are closed together.
//
// Guards against a callback that stays open after its owner's end, one that is made without the owner it was given, a handle that is left. FAULTS 83.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "causeway/causeway.hpp"
#include "tests/cpp/inbound/support.hpp"

using causeway::callback;
namespace on_exception = causeway::on_exception;
using namespace crossing_test;  // NOLINT(google-build-using-namespace): the tests' own tools

TEST_CASE("an owner closes all that was made with it, and takes no more") {
  const Runtime runtime{2};
  causeway::owner owner{"plug-in"};
  std::atomic<bool> inside{false}, go_on{false};
  callback<int()> one{[] { return 1; }, on_exception::return_value(-1), {.owned_by = &owner}};
  callback<int()> two{[&] {
                        inside = true;
                        while (!go_on) causeway::this_green::yield();
                        return 2;
                      },
                      on_exception::return_value(-2),
                      {.name = "on_two", .owned_by = &owner}};
  {
    const callback<int()> gone{[] { return 3; }, {}, {.owned_by = &owner}};
  }
  CHECK(one.code()() == 1);
  HostThread caller([&] { CHECK(two.code()() == 2); });
  REQUIRE(eventually([&] { return inside.load(); }));
  CHECK(status_of([&] { owner.close(1ms); }) == CW_E_TIMEOUT);
  CHECK(std::strstr(cw_last_error(), "\"on_two\"") != nullptr);
  CHECK(one.code()() == -1);
  CHECK(two.code()() == -2);
  CHECK(status_of([&] { const callback<int()> late{[] { return 3; }, {}, {.owned_by = &owner}}; }) == CW_E_CLOSED);
  go_on = true;
  const cw_owner raw = owner.raw();
  owner.close();
  CHECK(cw_owner_close(raw, 0) == CW_E_STALE);
  CHECK(cw_owner_close(0, 0) == CW_E_HANDLE);
}

TEST_CASE("an owner that is closed while callbacks are made with it leaves none open") {
  const Runtime runtime{2};
  const uint64_t live = stats().callbacks_live;
  const int rounds = few() ? 50 : 1'000;
  // Its fallback takes a while to copy.
  static constexpr uint32_t kBytes = 1 << 20;
  static constexpr char kFallback[kBytes]{};
  static constexpr cw_abi_callback_type kType{.entry = {[](uint64_t, uint64_t, uint64_t) -> uint64_t { return 1; }, nullptr},
                                              .failed = [](cw_status, cw_abi_callback*, uint64_t) -> uint64_t { return 0; },
                                              .thunk = nullptr,
                                              .destroy = nullptr,
                                              .signature = &kFallback,
                                              .result_size = kBytes,
                                              .result_kind = CW_ABI_RESULT_OTHER};
  std::atomic<cw_owner> owner{0}, tried{0};
  std::atomic<bool> over{false};
  std::atomic<int> open{0};
  HostThread maker([&] {
    while (!over) {
      cw_callback_options options{};
      cw_callback_options_init(&options);
      options.owner = owner;
      options.fallback = &kFallback;
      cw_abi_callback* callback = nullptr;
      if (options.owner == 0) continue;
      tried = options.owner;
      if (cw_abi_callback_create(&kType, nullptr, &options, &callback) != CW_OK) continue;
      while (owner == options.owner) std::this_thread::yield();
      open += static_cast<int>(cw_abi_enter_user_data(cw_abi_callback_data(callback), 0, 0, &kType));
      cw_abi_callback_release(callback);
    }
  });
  for (int i = 0; i < rounds; ++i) {
    cw_owner made_now = 0;
    REQUIRE(cw_owner_create("plug-in", &made_now) == CW_OK);
    owner = made_now;
    while (tried != made_now) std::this_thread::yield();
    for (int spin = 0; spin < i * 100; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
    CHECK(cw_owner_close(made_now, CW_FOREVER) == CW_OK);
    owner = 0;
  }
  over = true;
  maker.join();
  CHECK(open == 0);
  CHECK(stats().callbacks_live == live);
}

TEST_CASE("an owner object that is closed, or was moved from, takes no callback") {
  const Runtime runtime{2};
  const auto make = [](const causeway::owner& with) {
    return status_of([&] { const callback<int()> made{[] { return 1; }, on_exception::return_value(-1), {.owned_by = &with}}; });
  };
  causeway::owner owner{"plug-in"};
  CHECK(make(owner) == CW_OK);
  causeway::owner other = std::move(owner);
  CHECK(make(owner) == CW_E_CLOSED);  // NOLINT(bugprone-use-after-move): the subject
  CHECK(make(other) == CW_OK);
  other.close();
  CHECK(make(other) == CW_E_CLOSED);
}

TEST_CASE("an owner that ends inside one of its callbacks closes all, and nothing of it is left after the last call") {
  const Runtime runtime{2};
  enum class Way : uint8_t { FromHost, Plain, BelowCallOut };
  for (const Way way : {Way::FromHost, Way::Plain, Way::BelowCallOut}) {
    const uint64_t handles = stats().handles_live, callbacks = stats().callbacks_live;
    {
      auto owner = std::make_unique<causeway::owner>("plug-in");
      callback<int()> other{[] { return 2; }, on_exception::return_value(-2), {.owned_by = owner.get()}};
      cw_callback_options options{};
      cw_callback_options_init(&options);
      options.owner = owner->raw();
      cw_callback run_time = 0;
      REQUIRE(cw_callback_create("void()", [](void*, void**, void*) {}, nullptr, &options, &run_time) == CW_OK);
      int during = 0;
      callback<int()> ends{[&] {
                             owner = nullptr;
                             during = other.code()();
                             return 1;
                           },
                           on_exception::return_value(-1),
                           {.owned_by = owner.get()}};
      CHECK(other.code()() == 2);
      const auto code = ends.code();
      int got = 0;
      if (way == Way::FromHost) on_thread([&] { got = code(); });
      else causeway::spawn([&] { got = way == Way::Plain ? code() : causeway::call(code); }).join();
      CHECK(got == 1);
      CHECK(during == -2);
      CHECK(code() == -1);
      CHECK(cw_callback_close(run_time) == CW_E_STALE);
    }
    CHECK(stats().handles_live == handles);
    CHECK(stats().callbacks_live == callbacks);
  }
}

TEST_CASE("an owner's end waits for the calls, though its green thread was asked to stop") {
  const Runtime runtime{2};
  std::atomic<bool> inside{false}, go_on{false}, ended{false};
  std::optional<causeway::owner> owner{"plug-in"};
  callback<void()> cb{[&] {
                        inside = true;
                        while (!go_on) causeway::this_green::yield();
                        CHECK(!ended);
                      },
                      {},
                      {.owned_by = &*owner}};
  HostThread caller([&] { cb.code()(); });
  REQUIRE(eventually([&] { return inside.load(); }));
  std::atomic<bool> asked{false};
  auto ender = causeway::spawn([&] {
    while (!asked) causeway::this_green::yield();
    owner.reset();
    ended = true;
  });
  ender.request_stop();
  asked = true;
  for (int i = 0; i < 100; ++i) causeway::this_green::yield();
  CHECK(!ended);
  go_on = true;
  ender.join();
  CHECK(ended);
}

TEST_CASE("what is refused is told with the function's name, or the option's") {
  const Runtime runtime{2};
  const auto told = [](cw_status status, const char* text) {
    const std::string last = cw_last_error();
    CHECK_MESSAGE((status != CW_OK && last.find(text) != std::string::npos), last);
  };
  void (*code)(void) = nullptr;
  void* p = nullptr;
  told(cw_callback_code(1, &code), "cw_callback_code: the handle is not one");
  told(cw_callback_close(1), "cw_callback_close: the handle is not one");
  told(cw_callback_close_and_wait(1, 0), "cw_callback_close_and_wait: the handle is not one");
  told(cw_owner_close(1, 0), "cw_owner_close: the handle is not one");
  told(cw_stack_undeclare(1), "cw_stack_undeclare: the handle is not one");
  told(cw_handle_get(1, 0, &p), "cw_handle_get: the handle is not one");
  told(cw_handle_release(1, 0), "cw_handle_release: the handle is not one");
  cw_owner owner = 0;
  REQUIRE(cw_owner_create("plug-in", &owner) == CW_OK);
  cw_callback_options options{};
  cw_callback_options_init(&options);
  options.owner = owner + 1;
  cw_callback cb = 0;
  told(cw_callback_create("void()", [](void*, void**, void*) {}, nullptr, &options, &cb), "cw_callback_create: options.owner is not");
  // From inside, and on a green thread that is asked to stop.
  struct Shared {
    cw_owner owner;
    std::string inside;
    std::atomic<bool> in{false}, go_on{false};
  } shared{owner, {}};
  options.owner = owner;
  const auto body = [](void*, void**, void* arg) {
    auto& s = *static_cast<Shared*>(arg);
    if (cw_owner_close(s.owner, CW_FOREVER) == CW_E_STATE) s.inside = cw_last_error();
    s.in = true;
    while (!s.go_on) causeway::this_green::yield();
  };
  REQUIRE(cw_callback_create("void()", body, &shared, &options, &cb) == CW_OK);
  REQUIRE(cw_callback_code(cb, &code) == CW_OK);
  HostThread caller([&] { code(); });
  REQUIRE(eventually([&] { return shared.in.load(); }));
  CHECK(shared.inside == "cw_owner_close: the caller is inside one of its callbacks; return first");
  std::string cancelled;
  auto waiter = causeway::spawn([&] {
    if (cw_owner_close(owner, CW_FOREVER) == CW_E_CANCELLED) cancelled = cw_last_error();
  });
  waiter.request_stop();
  waiter.join();
  CHECK(cancelled.find("calls are in progress on green thread ") != std::string::npos);
  shared.go_on = true;
  CHECK(cw_owner_close(owner, CW_FOREVER) == CW_OK);
}
