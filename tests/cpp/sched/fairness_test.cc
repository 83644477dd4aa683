// SPDX-License-Identifier: MIT
//
// Every green thread runs, whoever else keeps the processors busy and wherever it waits for its turn.
//
// Risk: a queue that a busy processor never looks at. There are five places where one waits: run-next, the ring, the global queue, the
// injection list, a timer. Those that keep busy do so until the others have run, so a case without fairness does not end.
#include <array>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

// Green threads that wait in each of the five places, seen from one that runs; and whether all have run.
class EverywhereElse {
 public:
  static constexpr int kRing = 1500;  // more than a ring holds: the rest goes to the global queue

  // On the green thread that goes on to keep its processor.
  void queue_from_green() {
    for (int i = 0; i < kRing; ++i) {
      tasks_.push_back(spawn([this] {
        ++ran_;
        ++queued_ran_;
      }));
    }
    event_.set();  // last: the woken one is this processor's next
  }
  // Before: one sleeps for an event and one for a time.
  void park_two() {
    tasks_.push_back(spawn([this] {
      event_.wait();
      ++ran_;
    }));
    tasks_.push_back(spawn([this] {
      causeway::this_green::sleep_for(200ms);
      ++ran_;
    }));
  }
  // From a plain thread: through the injection list.
  void inject() {
    for (int i = 0; i < 10; ++i) tasks_.push_back(spawn([this] { ++ran_; }));
  }
  // Both wait; or the one that waits for a time has waited, if we were kept from looking.
  bool two_parked() const { return causeway::stats().greens_parked + static_cast<uint64_t>(ran_) == 2; }
  // All that queue_from_green() queued.
  bool queued_ran() const { return queued_ran_ == kRing; }
  bool all_ran() const { return ran_ == kRing + 2 + 10; }
  void join() {
    for (auto& task : tasks_) task.join();
  }

 private:
  std::atomic<int> ran_{0}, queued_ran_{0};
  causeway::event event_;
  std::vector<causeway::task<void>> tasks_;
};

}  // namespace

TEST_CASE("whoever waits in a ring, the global queue, the injection list, for a time or as the next runs beside four that never call us") {
  Runtime runtime(1);
  EverywhereElse others;
  others.park_two();
  CHECK(eventually([&] { return others.two_parked(); }));
  std::atomic<bool> enough{false};
  std::atomic<int> spinning{0};
  std::vector<causeway::task<void>> hogs;
  std::atomic<bool> queued{false};
  for (int i = 0; i < 4; ++i)  // max_hogs of one processor: the fourth loses it too
    hogs.push_back(spawn([&, i] {
      if (i == 0) others.queue_from_green();
      if (i == 0) queued = true;
      ++spinning;
      while (!enough) {}
    }));
  CHECK(eventually([&] { return queued && spinning == 4; }));
  others.inject();
  CHECK(eventually([&] { return others.all_ran(); }));
  CHECK(spinning == 4);
  enough = true;
  for (auto& hog : hogs) hog.join();
  others.join();
}

TEST_CASE("two that wake each other for ever as the next do not keep the others from running") {
  Runtime runtime(1);
  EverywhereElse others;
  others.park_two();
  CHECK(eventually([&] { return others.two_parked(); }));
  std::atomic<bool> enough{false}, queued{false};
  std::array<causeway::event, 2> turn;
  std::atomic<int> rounds{0};  // until all that were queued had run
  std::vector<causeway::task<void>> pair;
  for (size_t me = 0; me < 2; ++me)
    pair.push_back(spawn([&, me] {
      for (int round = 0; !enough; ++round) {
        if (me == 0 && round == 1000) {  // by now each of the two is always the other's next
          others.queue_from_green();
          queued = true;
        }
        if (me == 0 && round > 1000 && rounds == 0 && others.queued_ran()) rounds = round - 1000;
        turn[1 - me].set();
        turn[me].wait();
      }
      turn[1 - me].set();
    }));
  turn[0].set();
  CHECK(eventually([&] { return queued.load(); }));
  others.inject();
  CHECK(eventually([&] { return others.all_ran(); }));
  CHECK(eventually([&] { return rounds != 0; }));
  // Counted in rounds, for the monitor would let them run in time, when the kernel takes the CPU from the pair. One decision in four is
  // the ring's, one in 64 the global queue's: some 10 000 rounds. Without that, millions.
  CHECK(rounds < 200'000);
  enough = true;
  for (auto& task : pair) task.join();
  others.join();
}

TEST_CASE("many that yield for ever do not keep the others from running") {
  Runtime runtime(2);
  EverywhereElse others;
  others.park_two();
  CHECK(eventually([&] { return others.two_parked(); }));
  std::atomic<bool> enough{false}, queued{false};
  std::vector<causeway::task<void>> busy;
  for (int i = 0; i < 20; ++i)
    busy.push_back(spawn([&, i] {
      if (i == 0) {
        others.queue_from_green();
        queued = true;
      }
      while (!enough) causeway::this_green::yield();
    }));
  CHECK(eventually([&] { return queued.load(); }));
  others.inject();
  CHECK(eventually([&] { return others.all_ran(); }));
  enough = true;
  for (auto& task : busy) task.join();
  others.join();
}

TEST_CASE("beyond max_hogs a green thread keeps its processor, and those that wait run when one comes back") {
  causeway::options options;
  options.processors = 1;
  options.max_hogs = 2;
  Runtime runtime(options);
  const uint64_t before = causeway::stats().hogs_detached;
  std::atomic<bool> enough{false}, ran{false};
  std::atomic<int> spinning{0};
  std::vector<causeway::task<void>> hogs;
  for (int i = 0; i < 3; ++i)
    hogs.push_back(spawn([&] {
      ++spinning;
      while (!enough) {}
    }));
  CHECK(eventually([&] { return spinning == 3; }));  // two are without a processor, the third has it
  auto waiting = spawn([&] { ran = true; });
  std::this_thread::sleep_for(100ms);  // ten ticks of the monitor
  CHECK_FALSE(ran);
  CHECK(causeway::stats().hogs_detached == before + 2);
  enough = true;
  waiting.join();
  for (auto& hog : hogs) hog.join();
}
