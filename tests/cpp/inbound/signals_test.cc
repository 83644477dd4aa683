// SPDX-License-Identifier: MIT
//
// Signal handlers of the host: what is promised there (cw_post, cw_event_set), what is refused (CW_E_ASYNC), and handlers that interrupt a
// thread while it is being bound, inside a callback, inside the runtime, or that has nothing to do with the runtime at all.
//
// Risk: a handler that needs what the interrupted code holds: then the thread waits for itself. The stack of an earlier call is no sign that
// a handler runs on it: an alternate stack is asked for.
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

constexpr int kSignal = SIGUSR2;

// Counts of what handlers did; all lock-free.
struct Handled {
  std::atomic<int> handlers{0}, posted{0}, full{0}, refused{0}, entered{0}, ran{0}, wrong{0}, errno_lost{0};
};
Handled handled;

class Handler {
 public:
  Handler(void (*handler)(int), int flags) {
    handled.handlers = handled.posted = handled.full = handled.refused = 0;
    handled.entered = handled.ran = handled.wrong = handled.errno_lost = 0;
    struct sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(kSignal, &action, &before_);
  }
  ~Handler() { sigaction(kSignal, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  struct sigaction before_{};
};

void set_mask(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, kSignal);
  pthread_sigmask(how, &set, nullptr);
}

void on_post(void*) {
  if (cw_on_green() != 1) ++handled.wrong;
  ++handled.ran;
}
void on_enter(void*) { ++handled.entered; }

void post_in_handler() {
  errno = 4711;
  const cw_status status = cw_post(&on_post, nullptr);
  if (errno != 4711) ++handled.errno_lost;
  if (status == CW_OK) ++handled.posted;
  else if (status == CW_E_FULL) ++handled.full;
  else ++handled.wrong;
}

int answer_of_entry(int value) { return value; }

// On the alternate stack nothing but posts goes.
void on_alternate_stack(int) {
  const int before = errno;
  ++handled.handlers;
  post_in_handler();
  if (cw_enter(&on_enter, nullptr) == CW_E_ASYNC) ++handled.refused;
  else ++handled.wrong;
  if (causeway::entry<&answer_of_entry, causeway::on_exception::return_value(-1)>(5) != -1) ++handled.wrong;
  errno = before;
}

TEST_CASE("on an alternate stack a call in is CW_E_ASYNC and an entry gives its value, while posts go") {
  causeway::options options;
  options.processors = 2;
  SUBCASE("whatever the stacks") {}
  SUBCASE("strict about stacks") { options.stack_policy = CW_STACK_STRICT; }
  options.log_level = CW_LOG_OFF;  // the entry says in the log that it was refused
  Runtime runtime(options);
  const Handler handler(&on_alternate_stack, SA_ONSTACK);
  for (const bool bound : {false, true})
    on_thread([&] {
      const StackMemory memory(128 * 1024);
      stack_t mine{}, before{};
      mine.ss_sp = memory.low();
      mine.ss_size = memory.bytes();
      CHECK(sigaltstack(&mine, &before) == 0);
      if (bound) CHECK(enter([] {}) == CW_OK);
      for (int i = 0; i < 10; ++i) CHECK(raise(kSignal) == 0);
      CHECK(enter([] {}) == CW_OK);
      // In C that a callback called.
      CHECK(enter([] { causeway::call([] { CHECK(raise(kSignal) == 0); }); }) == CW_OK);
      CHECK(sigaltstack(&before, nullptr) == 0);
    });
  CHECK(handled.handlers == 22);
  CHECK(handled.refused == 22);
  CHECK(handled.posted == 22);
  CHECK(handled.errno_lost == 0);
  CHECK(handled.wrong == 0);
  CHECK(eventually([] { return handled.ran == 22; }));
}

// What may be done anywhere. The call in is refused where the handler interrupted the runtime, else it is one like any other; but the thread's
// malloc must not be interrupted, so the callers below let the signal through only around calls of ours.
void anywhere(int) {
  const int before = errno;
  ++handled.handlers;
  post_in_handler();
  const int entered = handled.entered;
  const cw_status status = cw_enter(&on_enter, nullptr);
  if (status == CW_E_ASYNC) ++handled.refused;
  else if (status != CW_OK) ++handled.wrong;
  if (status == CW_OK && handled.entered == entered) ++handled.wrong;
  errno = before;
}

// Threads that send the signal to one thread without pause.
class Storm {
 public:
  explicit Storm(int threads) {
    for (int i = 0; i < threads; ++i)
      senders_.push_back(std::make_unique<HostThread>([this] {
        set_mask(SIG_BLOCK);
        while (!over_) {
          const int target = target_;
          if (target != 0) syscall(SYS_tgkill, getpid(), target, kSignal);
          std::this_thread::yield();
        }
      }));
  }
  ~Storm() {
    over_ = true;
    senders_.clear();
  }
  void aim(int thread) { target_ = thread; }

 private:
  std::atomic<int> target_{0};
  std::atomic<bool> over_{false};
  std::vector<std::unique_ptr<HostThread>> senders_;
};

TEST_CASE("TestNeedmDeadlock: threads that are hit by signals during their first calls") {
  Runtime runtime(2);
  const Handler handler(&anywhere, SA_RESTART);
  set_mask(SIG_BLOCK);  // inherited by the threads below, and nobody's else
  {
    Storm storm(3);
    // Until enough of them were hit, one thread after the other.
    CHECK(eventually([&] {
      on_thread([&] {
        int calls = 0;
        storm.aim(tid());
        for (int i = 0; i < 20; ++i) {
          set_mask(SIG_UNBLOCK);
          const cw_status status = enter([&] { ++calls; });
          set_mask(SIG_BLOCK);
          CHECK(status == CW_OK);
        }
        storm.aim(0);
        CHECK(calls == 20);
      });
      return handled.handlers >= 100;
    }));
  }
  set_mask(SIG_UNBLOCK);
  CHECK(handled.wrong == 0);
  CHECK(handled.errno_lost == 0);
  CHECK(eventually([] { return handled.ran == handled.posted; }));
  CHECK(stats().foreign_threads == 0);
}

// FAULTS 29. While the only green thread there is waits, its thread is in the runtime's code, or the kernel's below it. The thread sanitizer
// holds signals back until the next call of a function that it knows, and the wait is none.
#if !CW_TSAN
TEST_CASE("a handler that interrupts a callback's wait is refused a call in, and its posts run meanwhile") {
  Runtime runtime(2);
  const Handler handler(&anywhere, SA_RESTART);
  causeway::event over;
  bool ended = false;
  HostThread waits([&] {
    CHECK(enter([&] {
            over.wait();
            ended = true;
          }) == CW_OK);
  });
  CHECK(eventually([] { return stats().greens_parked == 1; }));
  for (int i = 1; i <= 20; ++i) {
    CHECK(pthread_kill(waits.native(), kSignal) == 0);
    CHECK(eventually([&] { return handled.ran == i && handled.refused + handled.entered + handled.wrong == i; }));
    CHECK(eventually([] { return stats().greens_parked == 1; }));  // what was posted has ended, too
  }
  CHECK(handled.refused == 20);
  CHECK(handled.posted == 20);
  CHECK(handled.entered == 0);
  CHECK(handled.errno_lost == 0);
  CHECK(handled.wrong == 0);
  CHECK_FALSE(ended);
  over.set();
  waits.join();
  CHECK(ended);
}
#endif

void only_posts(int) {
  const int before = errno;
  ++handled.handlers;
  post_in_handler();
  errno = before;
}

TEST_CASE("signals that hit callbacks in the middle of parks, calls out and nested calls do no harm") {
  Runtime runtime(2);
  const Handler handler(&only_posts, SA_RESTART);
  causeway::channel<int> there(0), back(0);
  auto server = causeway::spawn([&] {
    while (const auto item = there.receive()) back.send(*item + 1);
  });
  set_mask(SIG_BLOCK);
  {
    Storm storm(2);
    on_thread([&] {
      storm.aim(tid());
      set_mask(SIG_UNBLOCK);
      CHECK(eventually([&] {
        for (int i = 0; i < 20; ++i) {
          const Locals mine(static_cast<unsigned>(i));
          CHECK(enter([&] {
                  there.send(i);
                  CHECK(back.receive().value_or(-1) == i + 1);
                  causeway::call([&] { CHECK(enter([] { causeway::this_green::yield(); }) == CW_OK); });
                }) == CW_OK);
          CHECK(mine.intact());
        }
        return handled.handlers >= 100;
      }));
      set_mask(SIG_BLOCK);
      storm.aim(0);
    });
  }
  set_mask(SIG_UNBLOCK);
  there.close();
  server.join();
  CHECK(handled.wrong == 0);
  CHECK(handled.errno_lost == 0);
  CHECK(eventually([] { return handled.ran == handled.posted; }));
}

TEST_CASE("raise() in C, in a callback and in C below it: each post of the handlers runs") {
  Runtime runtime(2);
  const Handler handler(&only_posts, 0);
  on_thread([] {
    CHECK(raise(kSignal) == 0);
    for (int i = 0; i < 200; ++i) {
      CHECK(enter([] {
              CHECK(raise(kSignal) == 0);
              causeway::call([] { CHECK(raise(kSignal) == 0); });
            }) == CW_OK);
      CHECK(raise(kSignal) == 0);
    }
  });
  CHECK(handled.handlers == 601);
  CHECK(handled.posted == 601);
  CHECK(handled.errno_lost == 0);
  CHECK(handled.wrong == 0);
  CHECK(eventually([] { return handled.ran == 601; }));
}

TEST_CASE("Test5337: a thread that never called in is hit by a signal, posts from its handler, and ends") {
  Runtime runtime(2);
  const Handler handler(&only_posts, 0);
  for (int i = 0; i < 50; ++i) on_thread([] { CHECK(raise(kSignal) == 0); });
  CHECK(handled.posted == 50);
  CHECK(handled.wrong == 0);
  CHECK(eventually([] { return handled.ran == 50; }));
  CHECK(stats().foreign_threads == 0);
}

TEST_CASE("a post from a handler wakes a runtime that sleeps") {
  Runtime runtime(2);
  const Handler handler(&only_posts, 0);
  for (int i = 1; i <= 100; ++i) {
    CHECK(raise(kSignal) == 0);
    CHECK(eventually([&] { return handled.ran == i; }));  // everybody sleeps again, or is about to
  }
}

}  // namespace
