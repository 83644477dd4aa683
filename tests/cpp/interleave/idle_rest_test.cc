// SPDX-License-Identifier: MIT
//
// While everything goes to sleep: the monitor, the watcher's post, a hog that comes back, a signal handler's wake-up, and the stop.
//
// Risk: five interleavings that a review by reading found, each of which the monitor's next tick hides in a running program, so that no
// other test sees them. idle.cc, monitor.cc and worker.cc are no templates: the scenarios follow their steps one by one, with their locks
// and the real sleep word. Each is also run as it was before, which must be red.
#include <doctest/doctest.h>

#include "runtime/sched/park_word.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

template <class T>
using Atomic = CheckedEnv::atomic<T>;

// Nobody here sits in the poller.
struct Futex : CheckedFutex {
  static void interrupt() {}
};
using Word = sched::SleepWord<CheckedEnv, Futex>;

enum class Fault { None, Planted };
constexpr std::memory_order kRelaxed = std::memory_order_relaxed, kSeqCst = std::memory_order_seq_cst;

// monitor.cc: asleep without a time only while no P is held. An M takes the idle P by itself, as one whose futex was woken for no reason.
template <Fault Planted>
struct MonitorSleeps : Scenario {
  static constexpr uint32_t kAwake = 0, kAsleep = 1;
  CheckedLock lock;
  Atomic<uint32_t> idle{1}, state{kAwake};
  bool held = false;

  unsigned threads() const override { return 2; }
  bool may_end_waiting() const override { return true; }

  void worker() {
    lock.lock();
    idle.fetch_sub(1, std::memory_order_acq_rel);
    held = true;
    if (Planted == Fault::None) {  // attach_p_locked(): monitor_wake()
      CheckedEnv::fence_seq_cst();
      if (state.load(kRelaxed) == kAsleep) {
        uint32_t seen = kAsleep;
        if (state.compare_exchange_strong(seen, kAwake, kSeqCst, kRelaxed)) CheckedFutex::wake_one(state);
      }
    }
    lock.unlock();
    busy_for_ever();
  }
  void monitor() {
    if (idle.load(kRelaxed) != 1) return;  // it ticks on
    uint32_t seen = kAwake;
    if (!state.compare_exchange_strong(seen, kAsleep, kSeqCst, kRelaxed)) return;
    CheckedEnv::fence_seq_cst();
    if (idle.load(kRelaxed) == 1)
      while (state.load(kRelaxed) == kAsleep) CheckedFutex::wait(state, kAsleep, UINT64_MAX);
    ticks_ = true;
  }
  void thread(unsigned self) override { self == 0 ? worker() : monitor(); }
  void finally() override { require(!held || ticks_ || state.load(kRelaxed) == kAwake, "lost-wakeup"); }

 private:
  bool ticks_ = false;
};

// wait.cc: a hog that comes back is in the global queue before it is counted as a hog no longer.
template <Fault Planted>
struct HogComesBack : Scenario {
  CheckedLock lock;
  Plain<uint32_t> hogs{1};
  Atomic<uint32_t> global_size{0};

  unsigned threads() const override { return 2; }
  void uncount() {
    lock.lock();
    hogs = hogs - 1;
    lock.unlock();
  }
  void hog() {
    if (Planted == Fault::Planted) uncount();
    lock.lock();
    global_size.store(global_size.load(kRelaxed) + 1, kRelaxed);
    lock.unlock();
    if (Planted == Fault::None) uncount();
  }
  // all_idle(): its P is idle, and nobody takes the green thread from the queue here, so it is always to be seen.
  void monitor() {
    lock.lock();
    const bool any = hogs != 0;
    lock.unlock();
    require(any || global_size.load(kRelaxed) != 0, "false-deadlock");
  }
  void thread(unsigned self) override { self == 0 ? hog() : monitor(); }
};

// worker.cc and lifecycle.cc: a thread that is being created while the runtime stops is joined like the others.
template <Fault Planted>
struct CreatedWhileStopping : Scenario {
  CheckedLock lock;
  bool exiting = false, valid = false, created = false, joined = false;  // under the lock, but `created`: the kernel's
  int starting = 0;

  unsigned threads() const override { return 2; }
  void starter() {
    lock.lock();
    const bool may = !exiting;
    if (may && Planted == Fault::None) ++starting;
    lock.unlock();
    if (!may) return;
    step("pthread_create");
    created = true;
    lock.lock();
    if (Planted == Fault::None) --starting;
    valid = true;
    lock.unlock();
  }
  void stopper() {
    lock.lock();
    exiting = true;
    lock.unlock();
    for (;;) {
      lock.lock();
      const bool over = starting == 0;
      lock.unlock();
      if (over) break;
      spin();
    }
    lock.lock();
    joined = valid;
    lock.unlock();
  }
  void thread(unsigned self) override { self == 0 ? starter() : stopper(); }
  void finally() override { require(created == joined, "thread-not-joined"); }
};

// idle.cc and watch.cc: the only P has a timer. The M that holds it parks with its locked green thread and frees the P; another M, which found
// no P to watch for, goes to sleep or sleeps already. In the end somebody sleeps only to the deadline.
template <Fault Planted>
struct FreedWithATimer : Scenario {
  CheckedLock lock;
  Word other, fresh;
  // --- under the lock ---
  bool p_idle = false, other_in_list = false, watched = false, new_worker = false;

  unsigned threads() const override { return 3; }
  bool may_end_waiting() const override { return true; }

  // choose_rest_locked(): the post is taken if a P is idle, and free.
  bool take_post() {
    lock.lock();
    const bool mine = p_idle && !watched;
    if (mine) watched = true;
    lock.unlock();
    return mine;
  }
  void locked_m() {  // start_p()
    lock.lock();
    const bool nobody = Planted == Fault::None && !watched && !other_in_list;
    if (!nobody) {
      p_idle = true;
      if (Planted == Fault::None && !watched && other_in_list) other.wake();  // fill_watch_locked()
    }
    lock.unlock();
    if (!nobody) return;
    lock.lock();  // give_p(): a new M gets the P, finds nothing to run, and goes to sleep
    p_idle = new_worker = true;
    lock.unlock();
    fresh.wake();
  }
  void other_m() {
    lock.lock();
    other_in_list = true;
    lock.unlock();
    for (;;) {
      if (take_post()) return;  // asleep to the deadline
      other.sleep();
    }
  }
  void new_m() {
    fresh.sleep();
    static_cast<void>(take_post());
  }
  void thread(unsigned self) override { self == 0 ? locked_m() : self == 1 ? other_m() : new_m(); }
  void finally() override { require(p_idle && watched, "INV-IDLE3"); }
};

// wake_any_async(): a signal handler injects a green thread and wakes some M. One M waits for its locked green thread and takes no P; the
// other is on its way to sleep. Either the latter finds the injected one, or the monitor is told to look.
template <Fault Planted>
struct HandlerWakes : Scenario {
  Atomic<uint32_t> injected{0}, takes_p{0}, monitor{0};
  Word locked, idle;
  bool found = false;

  unsigned threads() const override { return 3; }
  bool may_end_waiting() const override { return true; }

  void handler() {
    injected.store(1, std::memory_order_release);
    if (Planted == Fault::Planted && locked.wake_if_sleeping()) return;
    if ((Planted == Fault::Planted || takes_p.load(kRelaxed) != 0) && idle.wake_if_sleeping()) return;
    monitor.store(1, kRelaxed);
  }
  void thread(unsigned self) override {
    if (self == 0) {
      handler();
    } else if (self == 1) {
      for (;;) locked.sleep();  // not its green thread: back to sleep
    } else {
      while (injected.load(std::memory_order_acquire) == 0) {
        takes_p.store(1, kRelaxed);
        idle.sleep();
        takes_p.store(0, kRelaxed);
      }
      found = true;
    }
  }
  void finally() override { require(found || monitor.load(kRelaxed) != 0, "lost-wakeup"); }
};

template <template <Fault> class S>
void check(const char* name, const char* planted_name, const char* assertion) {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<S<Fault::None>>(name, model).green());
    CHECK(explore<S<Fault::Planted>>(planted_name, model).red(assertion));
  }
}

TEST_CASE("the monitor is awake while a P is held; planted: whoever takes an idle P says nothing") {
  check<MonitorSleeps>("monitor sleeps", "planted: a P is taken without a word", "lost-wakeup");
}

TEST_CASE("a hog that comes back is seen all the time; planted: it is counted nowhere for a moment") {
  check<HogComesBack>("hog comes back", "planted: uncounted before it is queued", "false-deadlock");
}

TEST_CASE("a worker that is being created is joined by the stop; planted: the stop does not wait for it") {
  check<CreatedWhileStopping>("created while stopping", "planted: stop does not wait", "thread-not-joined");
}

TEST_CASE("a timer on a P that is freed has a watcher; planted: nobody is sent to the post") {
  check<FreedWithATimer>("freed with a timer", "planted: nobody is sent", "INV-IDLE3");
}

TEST_CASE("a handler's wake-up is not spent on an M that takes no P; planted: any sleeper will do") {
  check<HandlerWakes>("handler wakes", "planted: any sleeper", "lost-wakeup");
}

}  // namespace
}  // namespace causeway::interleave
