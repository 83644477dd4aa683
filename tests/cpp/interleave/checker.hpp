// SPDX-License-Identifier: MIT
//
// Interleaving checker: runs a small lock-free algorithm (a kernel) in every order of its steps.
//
// A scenario has 2 to 4 virtual threads, which are fibres on one OS thread. The kernels of the product are templates
// over an atomics policy; here they get CheckedEnv (checked_env.hpp), whose every access asks this engine. So the
// code that is checked is the code that ships. After a run the next one differs in the last choice that has another
// option left (depth first, by replaying the recorded choices), until all are done.
//
// Choices and their bounds
//   who runs next      at each access; leaving a thread that could go on costs one preemption
//   what an access     Tso:  each thread has a FIFO store buffer. Entries leave it at fences, locked instructions and
//   sees                     blocking calls of their thread, when a membarrier drains everybody, and, by choice, just
//                            before another thread touches the same location (elsewhere the moment makes no difference).
//                      Weak: each location keeps its history, each thread knows how new its reads must be
//                            (coherence, acquire/release, fences, release sequences). A load may return any older
//                            value that is still allowed, so relaxed stores become visible out of order.
//                      Whatever a strongly ordered machine would not do costs one delay.
//   All schedules within a number of preemptions and of delays are run, the bounds rising together from 0, so that
//   the first failing schedule is among the shortest. Beyond, random walks without bounds; their seed is printed.
//
// Red is a named assertion: require(false, "double-ownership"), "data-race" of a Plain cell, the scenario's name for
// a deadlock (nobody can run, somebody waits), or "step-limit" (an endless loop: a failure of the checker's user, never
// a pass, and never accepted for a planted bug). The failing schedule is kept as text.
//
// Limits, so that nobody reads more into green than there is
//   - Weak has no load buffering (a load never sees a later store's consequence): "I have read it, you may overwrite it"
//     (the commit in RunQueue::steal_into, the acquire in its push) is argued at the code, not shown here. Stores enter a location's history in
//     the order in which they run, a compare-exchange reads the newest value, and weak ones do not fail on their own.
//   - Weak is otherwise weaker than an aarch64 (no multi-copy atomicity, no dependencies, no RCsc): red there needs
//     thought, green does not.
//   - Futexes and locks are primitives of the engine, not code under test; a futex call sees the newest value.
//   - Small capacities, few threads, few steps: what needs three preemptions more is left to the random walks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace causeway::interleave {

enum class Model : uint8_t { Tso, Weak };

struct Bounds {
  unsigned preemptions = 2;
  unsigned delays = 2;
  uint64_t random_runs = 2000;
  uint32_t step_limit = 2000;           // of one run
  uint64_t max_schedules = UINT64_MAX;  // within the bounds; more are cut off, and the report says so
  bool in_full = false;                 // the bounds hold in quick runs too: a planted bug that needs them
};

// One run of the kernel: built anew for every schedule. Shared state is in members of CheckedEnv's types, or plain
// for bookkeeping that the kernel does not know (it is seen at once by all).
class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual unsigned threads() const = 0;
  virtual void thread(unsigned self) = 0;
  // After all threads have ended, in a state where everything is visible.
  virtual void finally() {}
  // Nobody can run and somebody waits: may the run end so? (Workers sleep, or are busy for ever.) Then finally() follows.
  virtual bool may_end_waiting() const { return false; }
  // What it means when nobody can run: "lost-wakeup" where a wake-up is what is missing.
  virtual const char* deadlock_name() const { return "deadlock"; }
};

struct Report {
  uint64_t exhaustive = 0;  // schedules run within the bounds
  uint64_t random = 0;      // beyond
  bool cut = false;         // not all within the bounds were run
  uint64_t steps = 0;
  uint64_t seed = 0;
  std::string failure;   // the assertion's name; empty: green
  std::string schedule;  // the failing run, one access per line

  // What a test expects; the whole failing schedule is printed when it is not so.
  bool red(const char* name) const;
  bool green() const;
};

using Maker = std::function<std::unique_ptr<Scenario>()>;
// Explores and prints one line of what was done, and below a red one the choices that led there. The seed is
// CAUSEWAY_INTERLEAVE_SEED or a fixed one. With CAUSEWAY_INTERLEAVE_QUICK, and under sanitizers, which are there for the
// code and not for its orders, at most 2 preemptions, 1 delay and 200 random walks (but see Bounds::in_full); under sanitizers 25000 schedules.
Report explore(const char* name, Model model, const Bounds& bounds, const Maker& make);

template <class S>
Report explore(const char* name, Model model, const Bounds& bounds = {}) {
  return explore(name, model, bounds, [] { return std::unique_ptr<Scenario>(std::make_unique<S>()); });
}

// --- for scenarios --------------------------------------------------------------------------------------------
// Named assertion; a failure ends the run and does not return.
void require(bool condition, const char* name);
// A scheduling point without an access: something else may run in between.
void step(const char* what);
// One round of a spinning loop: somebody else runs before this thread goes on, if anybody can.
void spin();
// The thread runs user code from here to the end of the run.
void busy_for_ever();
// A line in the failing schedule.
void note(const char* text);

}  // namespace causeway::interleave
