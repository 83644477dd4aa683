// SPDX-License-Identifier: MIT
//
// Handles of the user's own objects, for C and C++.
//
// Risks: a number that is none, none any more, or of another kind finds an object; a release that returns while somebody uses the object, or
// waits for its own caller; a lookup that finds the object of the slot's next handle.
#include "causeway/handle.hpp"

#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "causeway/causeway.hpp"
#include "doctest/doctest.h"
#include "runtime/base/config.h"
#include "tests/cpp/capi/support.hpp"
#include "tests/cpp/waiting.hpp"

namespace {

using waiting::eventually;
using waiting::status_of;

constexpr uint32_t kKind = 7;

cw_handle made(void* p, uint32_t kind = kKind) {
  cw_handle handle = 0;
  REQUIRE(cw_handle_create(p, kind, &handle) == CW_OK);
  return handle;
}

cw_status get_status(cw_handle handle, uint32_t kind = kKind) {
  void* p = nullptr;
  return cw_handle_get(handle, kind, &p);
}

cw_status acquire(cw_handle handle) {
  void* p = nullptr;
  return cw_handle_acquire(handle, kKind, &p);
}

// Enough to meet each other; a sanitizer or an emulator takes a hundred times as long for each.
bool few() { return CW_ASAN || CW_TSAN || std::getenv("CAUSEWAY_EXE_WRAPPER") != nullptr || std::getenv("CAUSEWAY_TEST_FEW") != nullptr; }

template <class Body>
cw_status enter(Body& body) {
  return cw_enter([](void* arg) { (*static_cast<Body*>(arg))(); }, &body);
}

// A release on a thread of its own, which must wait: begun() when the handle is stale.
class Releaser {
 public:
  explicit Releaser(cw_handle handle)
      : handle_(handle), thread_([this] {
          status_ = cw_handle_release(handle_, kKind);
          done_ = true;
        }) {}
  ~Releaser() { thread_.join(); }
  bool begun() const {
    return eventually([this] { return get_status(handle_) == CW_E_STALE; });
  }
  bool done() const { return done_; }
  cw_status status() const { return status_; }

 private:
  cw_handle handle_;
  std::atomic<cw_status> status_{CW_E_BUSY};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE("41, 43: a handle gives its pointer until its release, to its kind only") {
  int object = 0;
  void* p = nullptr;
  const uint64_t live = capi_test::stats().handles_live;
  const cw_handle handle = made(&object);
  CHECK(capi_test::stats().handles_live == live + 1);
  CHECK(cw_handle_get(handle, kKind, &p) == CW_OK);
  CHECK(p == &object);
  p = nullptr;
  CHECK(cw_handle_get(handle, kKind + 1, &p) == CW_E_TYPE);
  CHECK(cw_handle_acquire(handle, kKind + 1, &p) == CW_E_TYPE);
  CHECK(cw_handle_release(handle, kKind + 1) == CW_E_TYPE);
  CHECK(capi_test::last_error_has("kind"));
  CHECK(p == nullptr);
  cw_event event = 0;
  REQUIRE(cw_event_create(&event) == CW_OK);
  CHECK(cw_handle_get(event, kKind, &p) == CW_E_TYPE);
  CHECK(cw_handle_release(event, kKind) == CW_E_TYPE);
  CHECK(cw_handle_unacquire(event) == CW_E_TYPE);
  CHECK(cw_event_close(handle) == CW_E_TYPE);
  CHECK(cw_event_close(event) == CW_OK);
  CHECK(cw_handle_release(handle, kKind) == CW_OK);
  CHECK(cw_handle_release(handle, kKind) == CW_E_STALE);
  CHECK(capi_test::last_error_has("released before"));
  CHECK(get_status(handle) == CW_E_STALE);
  CHECK(acquire(handle) == CW_E_STALE);
  CHECK(cw_handle_unacquire(handle) == CW_E_STALE);
  CHECK(capi_test::stats().handles_live == live);
}

TEST_CASE("48: a null pointer is an object like any other, a null result is an error") {
  int object = 0;
  void* p = &object;
  const cw_handle handle = made(nullptr, 0);
  CHECK(cw_handle_get(handle, 0, &p) == CW_OK);
  CHECK(p == nullptr);
  CHECK(cw_handle_create(&object, 0, nullptr) == CW_E_INVALID);
  CHECK(cw_handle_get(handle, 0, nullptr) == CW_E_INVALID);
  CHECK(cw_handle_acquire(handle, 0, nullptr) == CW_E_INVALID);
  CHECK(cw_handle_release(handle, 0) == CW_OK);
}

// A number hits a live handle with a chance of 2^-36, one that is made from a live handle too; so of ten million one does in one run of 7000.
TEST_CASE("42: of ten million forged handles none finds anything") {
  int object = 0;
  std::vector<cw_handle> live;
  for (int i = 0; i < 64; ++i) live.push_back(made(&object));
  const int rounds = few() ? 100'000 : 2'500'000;
  constexpr uint64_t kTagShift = 28;
  uint64_t state = 0x9e3779b97f4a7c15ULL;
  int found = 0;
  int no_handles = 0;
  const auto try_one = [&](cw_handle forged) {
    const cw_status status = get_status(forged);
    found += status == CW_OK;
    no_handles += status == CW_E_HANDLE;
  };
  for (int i = 0; i < rounds; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const uint64_t random = state ^ state >> 29;
    const cw_handle base = live[static_cast<size_t>(i) % live.size()];
    try_one(random);                                // anything
    try_one(base + 1 + (random >> 40));             // near one that is there
    try_one(base ^ uint64_t{1} << (random >> 58));  // one bit of it changed
    try_one((base & ((uint64_t{1} << kTagShift) - 1)) |
            random << kTagShift);  // as another process would have it: the slot with another secret
  }
  CHECK(found == 0);
  CHECK(no_handles == 4 * rounds);
  for (const cw_handle forged : {uint64_t{0}, ~uint64_t{0}, uint64_t{1}, uint64_t{1} << 63}) {
    CHECK(get_status(forged) == CW_E_HANDLE);
    CHECK(acquire(forged) == CW_E_HANDLE);
    CHECK(cw_handle_unacquire(forged) == CW_E_HANDLE);
    CHECK(cw_handle_release(forged, kKind) == CW_E_HANDLE);
  }
  for (const cw_handle handle : live) CHECK(cw_handle_release(handle, kKind) == CW_OK);
}

TEST_CASE("a release waits until the last acquisition is given back, and the handle is stale meanwhile") {
  int object = 0;
  const cw_handle handle = made(&object);
  REQUIRE(acquire(handle) == CW_OK);
  REQUIRE(acquire(handle) == CW_OK);
  {
    const Releaser releaser(handle);
    CHECK(releaser.begun());
    CHECK(acquire(handle) == CW_E_STALE);
    CHECK(cw_handle_release(handle, kKind) == CW_E_STALE);
    CHECK(cw_handle_unacquire(handle) == CW_OK);
    for (int i = 0; i < 20; ++i) std::this_thread::yield();
    CHECK(!releaser.done());
    CHECK(cw_handle_unacquire(handle) == CW_OK);
    CHECK(eventually([&] { return releaser.done(); }));
    CHECK(releaser.status() == CW_OK);
  }
  CHECK(cw_handle_unacquire(handle) == CW_E_STALE);
}

TEST_CASE("an acquisition is given back once, by its holder or by whom it was handed to") {
  int object = 0;
  const cw_handle handle = made(&object);
  CHECK(cw_handle_unacquire(handle) == CW_E_STATE);
  REQUIRE(acquire(handle) == CW_OK);
  std::thread([&] { CHECK(cw_handle_unacquire(handle) == CW_OK); }).join();
  CHECK(cw_handle_unacquire(handle) == CW_E_STATE);
  CHECK(cw_handle_release(handle, kKind) == CW_OK);
}

TEST_CASE("a release by who holds the object is refused, also when others hold it too") {
  int object = 0;
  const cw_handle handle = made(&object);
  std::latch held(2), over(1);
  const auto hold_and_release = [&] {
    CHECK(acquire(handle) == CW_OK);
    held.arrive_and_wait();
    CHECK(cw_handle_release(handle, kKind) == CW_E_STATE);
    CHECK(capi_test::last_error_has("cw_handle_unacquire"));
    CHECK(get_status(handle) == CW_OK);
    over.wait();
    CHECK(cw_handle_unacquire(handle) == CW_OK);
  };
  std::thread one(hold_and_release), two(hold_and_release);
  over.count_down();
  one.join();
  two.join();
  CHECK(cw_handle_release(handle, kKind) == CW_OK);
}

TEST_CASE("a release is refused in every call that the holder waits for") {
  const capi_test::Runtime runtime;
  int object = 0;
  const cw_handle handle = made(&object);
  auto refused = [&] { CHECK(cw_handle_release(handle, kKind) == CW_E_STATE); };
  SUBCASE("a green thread that calls C, which calls in") {
    causeway::spawn([&] {
      REQUIRE(acquire(handle) == CW_OK);
      causeway::call([&] {
        refused();
        CHECK(enter(refused) == CW_OK);
        auto deeper = [&] { causeway::call([&] { refused(); }); };
        CHECK(enter(deeper) == CW_OK);
      });
      CHECK(cw_handle_unacquire(handle) == CW_OK);
    }).join();
  }
  SUBCASE("a thread that calls in") {
    std::thread([&] {
      REQUIRE(acquire(handle) == CW_OK);
      CHECK(enter(refused) == CW_OK);
      CHECK(cw_handle_unacquire(handle) == CW_OK);
    }).join();
  }
  SUBCASE("C code below a call out holds it as the green thread does") {
    causeway::spawn([&] {
      causeway::call([&] { REQUIRE(acquire(handle) == CW_OK); });
      refused();
      CHECK(cw_handle_unacquire(handle) == CW_OK);
      CHECK(cw_handle_unacquire(handle) == CW_E_STATE);
    }).join();
  }
  CHECK(cw_handle_release(handle, kKind) == CW_OK);
}

TEST_CASE("a release that a stop request ends leaves the handle as it was") {
  const capi_test::Runtime runtime;
  int object = 0;
  const cw_handle handle = made(&object);
  const uint64_t live = capi_test::stats().handles_live;
  REQUIRE(acquire(handle) == CW_OK);
  auto releaser = causeway::spawn([&] { return cw_handle_release(handle, kKind); });
  CHECK(eventually([&] { return get_status(handle) == CW_E_STALE; }));
  CHECK(capi_test::stats().handles_live == live - 1);
  releaser.request_stop();
  CHECK(releaser.join() == CW_E_CANCELLED);
  CHECK(capi_test::stats().handles_live == live);
  CHECK(get_status(handle) == CW_OK);
  CHECK(acquire(handle) == CW_OK);
  CHECK(cw_handle_unacquire(handle) == CW_OK);
  CHECK(cw_handle_unacquire(handle) == CW_OK);
  CHECK(cw_handle_release(handle, kKind) == CW_OK);
}

// What is behind a handle is its own number, and is cleared when the release has returned. Four threads: more than run at one time.
TEST_CASE("create, get, acquire and release from many threads: nobody finds another's object, or one that is over") {
  struct Object {
    std::atomic<uint64_t> number{0};
  };
  constexpr size_t kSlots = 8;
  constexpr int kThreads = 4;
  const int rounds = few() ? 2'000 : 50'000;
  std::vector<std::unique_ptr<Object>> objects;
  std::atomic<cw_handle> published[kSlots]{};
  std::atomic<int> wrong{0};
  const uint64_t live = capi_test::stats().handles_live;
  for (size_t i = 0; i < kSlots; ++i) {
    objects.push_back(std::make_unique<Object>());
    objects[i]->number = 1;
    published[i] = made(objects[i].get());
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      uint64_t state = static_cast<uint64_t>(t) + 1;
      for (int i = 0; i < rounds; ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        const size_t at = (state >> 33) % kSlots;
        const cw_handle handle = published[at];
        void* p = nullptr;
        cw_status status = cw_handle_get(handle, kKind, &p);
        // The slot of a handle is used for other objects in turn: an old handle must not find them.
        wrong += status == CW_OK ? p != objects[at].get() : status != CW_E_STALE;
        status = cw_handle_acquire(handle, kKind, &p);
        if (status == CW_OK) {
          wrong += static_cast<Object*>(p)->number != 1;
          wrong += cw_handle_unacquire(handle) != CW_OK;
        } else {
          wrong += status != CW_E_STALE;
        }
        if (state >> 60 != 0) continue;
        status = cw_handle_release(handle, kKind);
        if (status != CW_OK) {
          wrong += status != CW_E_STALE;
          continue;
        }
        objects[at]->number = 0;  // ours alone: nobody has acquired it, nor will
        for (int spin = 0; spin < 20; ++spin) wrong += objects[at]->number != 0;
        objects[at]->number = 1;
        cw_handle next = 0;
        wrong += cw_handle_create(objects[at].get(), kKind, &next) != CW_OK;
        published[at] = next;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  for (auto& handle : published) CHECK(cw_handle_release(handle, kKind) == CW_OK);
  CHECK(capi_test::stats().handles_live == live);
}

TEST_CASE("handle<T>: made, found again from its number, acquired for a scope, released") {
  struct Session {
    int count = 0;
  };
  auto owned = std::make_unique<Session>();
  const auto handle = causeway::handle<Session>::make(*owned);
  const causeway::handle<Session> back{handle.raw()};
  CHECK(back == handle);
  CHECK(back);
  CHECK(back.get() == owned.get());
  CHECK(*back.try_get() == owned.get());
  {
    auto held = back.acquire();
    ++held->count;
    ++(*held).count;
    CHECK(held.get() == owned.get());
    CHECK(status_of([&] { static_cast<void>(handle.release()); }) == CW_E_STATE);
    auto moved = std::move(held);
    moved.reset();
    CHECK(cw_handle_unacquire(handle.raw()) == CW_E_STATE);
    auto again = back.try_acquire();
    CHECK(again.has_value());
  }
  CHECK(owned->count == 2);
  CHECK(status_of([&] { static_cast<void>(causeway::handle<int>{handle.raw()}.get()); }) == CW_E_TYPE);
  CHECK(causeway::handle<int>{handle.raw()}.try_acquire().error() == CW_E_TYPE);
  CHECK(causeway::handle<const Session>{handle.raw()}.get() == owned.get());
  CHECK(status_of([] { static_cast<void>(causeway::handle<int>{}.get()); }) == CW_E_HANDLE);
  const std::unique_ptr<Session> released{handle.release()};
  CHECK(released.get() == owned.get());
  static_cast<void>(owned.release());
  CHECK(status_of([&] { static_cast<void>(back.get()); }) == CW_E_STALE);
  CHECK(back.try_release().error() == CW_E_STALE);
  CHECK(back.try_get().error() == CW_E_STALE);
}
