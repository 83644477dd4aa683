// SPDX-License-Identifier: MIT
//
// On which C stack a call came, and what the runtime takes for its bounds: of threads of every size, of stacks that a host made or declared, of
// deep and shallow frames by turns. The C program stackswitch is the same from outside.
//
// Risk: the bounds of an earlier call, a default size, or a guess are taken for what is known. So the bounds themselves are looked at.
#include <stdexcept>

#include "runtime/sched/sched.hpp"
#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::sched::HostRange;
using causeway::sched::KnownBy;

// What the runtime takes for the C stack of the call that runs here.
HostRange bounds() {
  const auto& used = static_cast<causeway::sched::M*>(this_m())->host;
  return {used.low, used.low + used.bytes, used.how};
}

// A guess reaches 1 KiB above the stack pointer of the call, and the frames up to the test's own may be larger in a sanitizer build.
bool holds(const HostRange& range, const void* frame) {
  const auto at = reinterpret_cast<uintptr_t>(frame);
  return at >= range.low && at < range.high + (range.how == KnownBy::Guess ? 16 * 1024 : 0);
}

HostRange thread_bounds() {
  pthread_attr_t attributes;
  void* low = nullptr;
  size_t size = 0;
  REQUIRE(pthread_getattr_np(pthread_self(), &attributes) == 0);
  pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  return {reinterpret_cast<uintptr_t>(low), reinterpret_cast<uintptr_t>(low) + size, KnownBy::Thread};
}

// One call from here, whose bounds must hold this frame.
[[gnu::noinline]] HostRange call_in() {
  HostRange seen;
  CHECK(enter([&] { seen = bounds(); }) == CW_OK);
  CHECK(holds(seen, __builtin_frame_address(0)));
  return seen;
}

TEST_CASE("TestCgoCallbackGC: the bounds of a thread's stack are those of its attributes, whatever its size") {
  Runtime runtime(2);
  for (const size_t size : {size_t{64} << 10, size_t{256} << 10, size_t{1} << 20, size_t{64} << 20})
    on_thread(
        [] {
          const HostRange own = thread_bounds();
          const HostRange seen = call_in();
          CHECK(seen.how == KnownBy::Thread);
          CHECK(seen.low == own.low);
          CHECK(seen.high == own.high);
        },
        size + (CW_ASAN || CW_TSAN ? size_t{256} << 10 : 0));
}

TEST_CASE("TestBigStackCallbackCgo: a call from 32 MiB further down a stack of 64 MiB") {
  Runtime runtime(2);
  on_thread(
      [] {
        const HostRange first = call_in();
        below(size_t{32} << 20, [&] {
          const HostRange seen = call_in();
          CHECK(seen.low == first.low);
          CHECK(seen.high == first.high);
        });
      },
      size_t{64} << 20);
}

TEST_CASE("TestStackSwitchCallback: a thread's own stack, two of its host's, and back, again and again") {
  Runtime runtime(2);
  const auto switches = [] {
    const auto before = stats();
    const HostRange own = call_in();
    const void* const frame = __builtin_frame_address(0);
    for (int round = 0; round < 20; ++round) {
      auto first = std::make_unique<Coroutine>([&](Coroutine& self) {
        for (int i = 0; i < 3; ++i) {
          const HostRange seen = call_in();
          CHECK_FALSE(holds(seen, frame));
          below(size_t{100} << 10, [] { call_in(); });
          self.suspend();
        }
      });
      Coroutine second([&](Coroutine& self) {
        call_in();
        self.suspend();
        call_in();
      });
      first->resume();
      second.resume();
      CHECK(call_in().low == own.low);
      first->resume();
      first->resume();
      first->resume();
      CHECK(first->done());
      first.reset();  // its memory is free before the other one goes on
      second.resume();
      CHECK(second.done());
      CHECK(call_in().low == own.low);
    }
    CHECK(stats().stacks_learned > before.stacks_learned);
  };
  on_thread(switches);
  switches();  // and on the main thread
}

TEST_CASE("alternating between stacks that were seen before learns nothing more") {
  Runtime runtime(2);
  const auto alternate = [] {
    Coroutine one([](Coroutine& self) {
      for (;;) {
        call_in();
        self.suspend();
      }
    });
    const auto round = [&] {
      call_in();
      one.resume();
    };
    for (int i = 0; i < 3; ++i) round();
    const uint64_t learned = stats().stacks_learned;
    for (int i = 0; i < 1'000; ++i) round();
    CHECK(stats().stacks_learned == learned);
  };
  on_thread(alternate);
  alternate();
}

TEST_CASE("a thread with dozens of coroutines, as a scheduler of the host has them, learns each stack once") {
  Runtime runtime(2);
  on_thread([] {
    std::vector<std::unique_ptr<Coroutine>> coroutines;
    for (int i = 0; i < 40; ++i)
      coroutines.push_back(std::make_unique<Coroutine>([](Coroutine& self) {
        for (;;) {
          call_in();
          self.suspend();
        }
      }));
    const auto round = [&] {
      for (const auto& each : coroutines) each->resume();
    };
    for (int i = 0; i < 3; ++i) round();
    const uint64_t learned = stats().stacks_learned;
    for (int i = 0; i < 20; ++i) round();
    CHECK(stats().stacks_learned == learned);
  });
}

TEST_CASE("declared bounds are exact from the next call on, and gone with the declaration") {
  Runtime runtime(2);
  on_thread([] {
    Coroutine host([](Coroutine& self) {
      const auto low = reinterpret_cast<uintptr_t>(self.low());
      CHECK(call_in().how == KnownBy::Guess);
      {
        causeway::declared_stack declared(self.low(), self.bytes());
        self.suspend();  // the thread's own stack in between: the declaration counts when the stack changes
        HostRange seen = call_in();
        CHECK(seen.how == KnownBy::Declared);
        CHECK(seen.low == low);
        CHECK(seen.high == low + self.bytes());
        causeway::declared_stack moved(std::move(declared));
        CHECK(declared.raw() == 0);  // NOLINT(bugprone-use-after-move): what is left of it
        self.suspend();
        seen = call_in();
        CHECK(seen.how == KnownBy::Declared);
        CHECK(status_of([&] { causeway::declared_stack again(self.low(), self.bytes()); }) == CW_E_DUPLICATE);
      }
      self.suspend();
      CHECK(call_in().how == KnownBy::Guess);
    });
    while (!host.done()) {
      host.resume();
      CHECK(call_in().how == KnownBy::Thread);
    }
  });
}

// --- frames of every depth -----------------------------------------------------------------------------------------------

void deep(int levels, bool throws) {
  below(size_t{40} << 10, [&] {
    const HostRange seen = call_in();
    CHECK(enter([&] {
            CHECK(bounds().low == seen.low);
            // A guess is about the last call and follows it; what is known does not change.
            const bool known = seen.proven();
            try {
              causeway::call([&] {
                if (levels > 0) deep(levels - 1, throws);
                else if (throws) throw std::runtime_error("deep");
              });
              CHECK_FALSE(throws);
            } catch (const std::runtime_error&) { CHECK(throws); }
            if (known) CHECK(bounds().low == seen.low);
          }) == CW_OK);
  });
}

// The one that throws deep down is caught in the middle: not every level throws on.
TEST_CASE("TestDeepStack: shallow, 40 KiB down, shallow; with callbacks in between, and on the way of an exception") {
  Runtime runtime(2);
  const auto play = [] {
    const HostRange first = call_in();
    below(size_t{40} << 10, [] { call_in(); });
    CHECK(call_in().low <= first.low);
    deep(2, false);
    call_in();
    causeway::enter([] {
      CHECK_THROWS_AS(causeway::call([] { below(size_t{40} << 10, [] { causeway::enter([] { throw std::out_of_range("lower"); }); }); }),
                      std::out_of_range);
    });
    call_in();
  };
  on_thread(play);
  on_thread([&] {
    Coroutine host([&](Coroutine&) { play(); }, size_t{1} << 20);
    host.resume();
    CHECK(host.done());
  });
  play();
}

TEST_CASE("an exception that is thrown below nested callbacks is caught in the middle one, and the bounds are right after it") {
  Runtime runtime(2);
  on_thread([] {
    for (int i = 0; i < 10; ++i) {
      call_in();
      causeway::enter([] {
        const HostRange outer = bounds();
        bool caught = false;
        try {
          causeway::call([] {
            Coroutine other([](Coroutine&) {
              bool inner = false;
              causeway::enter([&] {
                try {
                  causeway::call([] { throw std::runtime_error("in another stack's C"); });
                } catch (const std::runtime_error&) { inner = true; }
              });
              CHECK(inner);
            });
            other.resume();
            CHECK(other.done());
            throw std::runtime_error("in the first one's");
          });
        } catch (const std::runtime_error&) { caught = true; }
        CHECK(caught);
        causeway::call([&] { CHECK(call_in().low == outer.low); });
      });
      call_in();
    }
  });
}

TEST_CASE("a callback on one stack, and nested in it one on another: both are accepted, and counted") {
  Runtime runtime(2);
  const auto nest = [] {
    const auto before = stats();
    CHECK(enter([] {
            const uint64_t outer = cw_green_id();
            causeway::call([&] {
              Coroutine other([&](Coroutine&) {
                CHECK(enter([&] {
                        CHECK(cw_green_id() != outer);
                        causeway::this_green::yield();
                        causeway::call([] { call_in(); });
                      }) == CW_OK);
              });
              other.resume();
              CHECK(other.done());
              call_in();
            });
            CHECK(cw_green_id() == outer);
          }) == CW_OK);
    CHECK(stats().stacks_accepted > before.stacks_accepted);
    CHECK(stats().nested >= before.nested + 3);
  };
  on_thread(nest);
  on_thread([&] {
    Coroutine first([&](Coroutine&) { nest(); });
    first.resume();
    CHECK(first.done());
  });
  causeway::spawn([&] { causeway::call(nest); }).join();  // and on a worker
}

}  // namespace
