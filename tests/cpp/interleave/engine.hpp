// SPDX-License-Identifier: MIT
//
// Inside of the interleaving checker: the memory as threads see it, and the search over choices. Used by
// checked_env.hpp and engine.cc only; the explanation is in checker.hpp.
//
//   INV-CHK1  A replayed prefix of choices leads to the same options: nothing in a run depends on addresses or time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/cpp/interleave/checker.hpp"
#include "tests/cpp/interleave/fiber.hpp"

namespace causeway::interleave {

inline constexpr unsigned kMaxThreads = 4;
inline constexpr unsigned kMaxLocations = 64;
inline constexpr unsigned kMain = kMaxThreads;  // set-up and finally()

enum class Order : uint8_t { Relaxed, Acquire, Release, AcqRel, SeqCst };
constexpr bool acquires(Order o) { return o == Order::Acquire || o == Order::AcqRel || o == Order::SeqCst; }
constexpr bool releases(Order o) { return o == Order::Release || o == Order::AcqRel || o == Order::SeqCst; }

// How new each location must be at least, as an index into its history. Weak only.
struct View {
  std::array<uint16_t, kMaxLocations> at{};
  void join(const View& other) {
    for (unsigned i = 0; i < kMaxLocations; ++i)
      if (other.at[i] > at[i]) at[i] = other.at[i];
  }
};

class Memory {
 public:
  struct Chooser {
    virtual ~Chooser() = default;
    // Which of n options; all but the first cost one delay.
    virtual unsigned choose_delayed(unsigned n) = 0;
  };
  explicit Memory(Chooser& chooser) : chooser_(chooser) {}

  void reset(Model model);
  unsigned add(uint64_t initial);
  uint64_t load(unsigned self, unsigned location, Order order);
  void store(unsigned self, unsigned location, uint64_t value, Order order);
  // A read-modify-write in two halves, with nothing in between: what is there, then what replaces it.
  uint64_t begin_exchange(unsigned self, unsigned location);
  void end_exchange(unsigned self, unsigned location, uint64_t value, Order order);
  void fail_exchange(unsigned self, unsigned location, Order order);
  void fence(unsigned self);
  void membarrier();
  void drain(unsigned self);
  // False: the newest value was written by somebody whose release we have not acquired.
  bool up_to_date(unsigned self, unsigned location) const;
  // The newest value after everything that any thread has stored; drains what holds it back.
  uint64_t settled(unsigned self, unsigned location);

 private:
  struct Message {
    uint64_t value;
    View released;
  };
  struct Location {
    uint64_t value = 0;            // Tso
    std::vector<Message> history;  // Weak
  };
  struct Entry {
    unsigned location;
    uint64_t value;
  };
  struct Thread {
    std::vector<Entry> buffer;  // Tso, oldest first
    View now, pending, fenced;  // Weak: must see; would see after a fence; was seen before the last fence
  };
  void commit(Thread& thread, size_t entries);
  void settle_others(unsigned self, unsigned location, bool choose);
  void read(Thread& thread, unsigned location, size_t index, Order order);

  Chooser& chooser_;
  Model model_ = Model::Tso;
  unsigned used_ = 0;
  std::array<Location, kMaxLocations> locations_;
  std::array<Thread, kMaxThreads + 1> threads_;
  View total_;  // the order of full fences
};

class Engine final : Memory::Chooser {
 public:
  static Engine& the();

  Report explore(Model model, const Bounds& bounds, const Maker& make, uint64_t seed);

  // Accesses of the running virtual thread: scheduling point, then memory.
  unsigned add_location(uint64_t initial) { return memory_.add(initial); }
  uint64_t load(unsigned location, Order order);
  void store(unsigned location, uint64_t value, Order order);
  // The same without a scheduling point of their own.
  uint64_t load_here(unsigned location) { return memory_.load(self_, location, Order::Relaxed); }
  void store_here(unsigned location, uint64_t value) { memory_.store(self_, location, value, Order::Relaxed); }
  // change(old, &fresh) says whether to store fresh; returns old.
  template <class Change>
  uint64_t exchange(unsigned location, Order order, Order failure, Change change) {
    point("exchange");
    const uint64_t old = memory_.begin_exchange(self_, location);
    uint64_t fresh = old;
    const bool changed = change(old, &fresh);
    if (changed) memory_.end_exchange(self_, location, fresh, order);
    else memory_.fail_exchange(self_, location, failure);
    if (tracing_) trace_access(changed ? "exchange" : "compare", location, old, changed ? &fresh : nullptr);
    return old;
  }
  void fence();
  void membarrier();
  bool up_to_date(unsigned location) const { return self_ == kMain || memory_.up_to_date(self_, location); }

  // Blocking. wait: 0, or 1 when it timed out (timed waits may do so at any time).
  int futex_wait(unsigned location, uint64_t expected, bool timed);
  void futex_wake(unsigned location);
  void lock(unsigned location);
  void unlock(unsigned location);
  void point(const char* what);
  void spin();
  [[noreturn]] void busy_for_ever();
  void note(const char* text);
  [[noreturn]] void fail(const char* name);
  void require(bool condition, const char* name);

 private:
  enum class State : uint8_t { Ready, Spinning, Locking, Waiting, WaitingTimed, Finished };
  struct Choice {
    uint16_t taken, options;
  };

  unsigned choose(unsigned options, bool free);
  void budget(unsigned level);
  unsigned choose_delayed(unsigned n) override;
  void run_once(const Maker& make);
  bool next_run();
  void give_way();  // the running thread cannot go on: somebody else, or the end of the run
  void switch_to(unsigned thread);
  bool runnable(unsigned thread) const;
  void deviation(const char* what);
  void trace_access(const char* what, unsigned location, uint64_t value, const uint64_t* fresh);
  void finish_replay(const Maker& make, Report& report);
  static void thread_main(void* engine) noexcept;

  Memory memory_{*this};
  std::array<Fiber, kMaxThreads> fibers_;
  Fiber main_;
  std::array<State, kMaxThreads> states_{};
  std::array<unsigned, kMaxThreads> waits_for_{};
  Scenario* scenario_ = nullptr;
  Bounds bounds_;
  unsigned threads_ = 0;
  unsigned self_ = kMain;
  uint32_t steps_ = 0;
  uint64_t all_steps_ = 0;

  // The search.
  Model model_ = Model::Tso;
  std::vector<Choice> choices_;
  size_t position_ = 0;
  unsigned preemptions_left_ = 0, delays_left_ = 0;
  bool random_ = false, replaying_ = false;
  uint64_t random_state_ = 0;
  const char* failure_ = nullptr;
  bool tracing_ = false;
  std::string trace_;
};

}  // namespace causeway::interleave
