// SPDX-License-Identifier: MIT
//
// A run of the interleaving checker: who goes on at each access, blocking, and the text of a failing schedule.
#include "tests/cpp/interleave/engine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace causeway::interleave {

// --- scheduling -----------------------------------------------------------------------------------------------

bool Engine::runnable(unsigned thread) const { return states_[thread] == State::Ready || states_[thread] == State::Spinning; }

void Engine::switch_to(unsigned thread) {
  if (thread == self_) return;
  Fiber& from = self_ == kMain ? main_ : fibers_[self_];
  self_ = thread;
  from.switch_to(thread == kMain ? main_ : fibers_[thread]);
}

void Engine::point(const char* what) {
  if (self_ == kMain) return;
  if (++steps_ > bounds_.step_limit) fail("step-limit");
  ++all_steps_;
  // Our step may be what a spinning thread waits for.
  for (unsigned i = 0; i < threads_; ++i)
    if (i != self_ && states_[i] == State::Spinning) states_[i] = State::Ready;
  if (!random_ && preemptions_left_ == 0) return;
  std::array<unsigned, kMaxThreads> options{self_};
  unsigned count = 1;
  for (unsigned i = 1; i < threads_; ++i) {
    const unsigned other = (self_ + i) % threads_;
    if (states_[other] == State::Ready || states_[other] == State::WaitingTimed) options.at(count++) = other;
  }
  const unsigned next = options.at(choose(count, false));
  if (next == self_) return;
  if (!random_) --preemptions_left_;
  if (tracing_) deviation((std::string("is preempted before its ") + what).c_str());
  if (tracing_) trace_ += "    step " + std::to_string(steps_) + ": on to T" + std::to_string(next) + "\n";
  switch_to(next);
}

void Engine::give_way() {
  // Ready ones first, then those that spin, then those whose time may run out.
  for (const State wanted : {State::Ready, State::Spinning, State::WaitingTimed}) {
    std::array<unsigned, kMaxThreads> options{};
    unsigned count = 0;
    for (unsigned i = 0; i < threads_; ++i)
      if (states_[i] == wanted && i != self_) options.at(count++) = i;
    if (count == 0 && self_ != kMain && states_[self_] == wanted) return;  // only we are left
    if (count == 0) continue;
    const unsigned next = options.at(choose(count, true));
    if (tracing_) trace_ += "    step " + std::to_string(steps_) + ": on to T" + std::to_string(next) + "\n";
    return switch_to(next);
  }
  for (unsigned i = 0; i < threads_; ++i)
    if (states_[i] != State::Finished && !scenario_->may_end_waiting()) fail(scenario_->deadlock_name());
  switch_to(kMain);
}

void Engine::spin() {
  point("spin");
  if (self_ == kMain) return;
  const unsigned self = self_;
  states_[self] = State::Spinning;
  give_way();
  states_[self] = State::Ready;
}

void Engine::busy_for_ever() {
  note("is busy from here");
  states_[self_] = State::Finished;
  give_way();
  std::abort();
}

// --- accesses -------------------------------------------------------------------------------------------------

uint64_t Engine::load(unsigned location, Order order) {
  point("load");
  const uint64_t value = memory_.load(self_, location, order);
  if (tracing_) trace_access("load", location, value, nullptr);
  return value;
}

void Engine::store(unsigned location, uint64_t value, Order order) {
  point("store");
  memory_.store(self_, location, value, order);
  if (tracing_) trace_access("store", location, value, nullptr);
}

void Engine::fence() {
  point("fence");
  memory_.fence(self_);
  note("fence");
}

void Engine::membarrier() {
  point("membarrier");
  memory_.membarrier();
  note("membarrier");
}

int Engine::futex_wait(unsigned location, uint64_t expected, bool timed) {
  point("futex wait");
  if (memory_.settled(self_, location) != expected) return 0;
  memory_.drain(self_);
  note("sleeps");
  const unsigned self = self_;
  states_[self] = timed ? State::WaitingTimed : State::Waiting;
  waits_for_[self] = location;
  give_way();
  // Ready: woken. Still waiting: chosen although nobody woke us, so the time ran out.
  const bool timed_out = states_[self] == State::WaitingTimed;
  states_[self] = State::Ready;
  note(timed_out ? "times out" : "wakes up");
  return timed_out ? 1 : 0;
}

void Engine::futex_wake(unsigned location) {
  point("futex wake");
  note("futex wake");
  for (unsigned i = 0; i < threads_; ++i) {
    if ((states_[i] != State::Waiting && states_[i] != State::WaitingTimed) || waits_for_[i] != location) continue;
    states_[i] = State::Ready;
    return;
  }
}

void Engine::lock(unsigned location) {
  if (self_ == kMain) return;
  point("lock");
  const unsigned self = self_;
  // An unlock that still sits in a store buffer would come out while we wait; so it does now.
  while (memory_.settled(self, location) != 0) {
    memory_.drain(self);
    states_[self] = State::Locking;
    waits_for_[self] = location;
    give_way();
  }
  memory_.begin_exchange(self, location);
  memory_.end_exchange(self, location, 1, Order::Acquire);
  note("locks");
}

void Engine::unlock(unsigned location) {
  if (self_ == kMain) return;
  memory_.store(self_, location, 0, Order::Release);
  for (unsigned i = 0; i < threads_; ++i)
    if (states_[i] == State::Locking && waits_for_[i] == location) states_[i] = State::Ready;
  note("unlocks");
}

// --- results --------------------------------------------------------------------------------------------------

void Engine::note(const char* text) {
  if (tracing_ && self_ != kMain) trace_ += "  T" + std::to_string(self_) + "  " + text + "\n";
}

// A choice that costs something.
void Engine::deviation(const char* what) {
  if (tracing_) trace_ += "    step " + std::to_string(steps_) + ": T" + std::to_string(self_) + " " + what + "\n";
}

void Engine::trace_access(const char* what, unsigned location, uint64_t value, const uint64_t* fresh) {
  char line[96];
  if (fresh != nullptr)
    std::snprintf(line, sizeof line, "%s [%u] 0x%llx -> 0x%llx", what, location, static_cast<unsigned long long>(value),
                  static_cast<unsigned long long>(*fresh));
  else std::snprintf(line, sizeof line, "%s [%u] 0x%llx", what, location, static_cast<unsigned long long>(value));
  note(line);
}

void Engine::fail(const char* name) {
  failure_ = name;
  if (tracing_) trace_ += std::string("  red: ") + name + "\n";
  switch_to(kMain);
  std::abort();  // an abandoned fibre is never resumed
}

void Engine::require(bool condition, const char* name) {
  if (condition) return;
  if (self_ != kMain) fail(name);
  if (failure_ == nullptr) failure_ = name;
}

}  // namespace causeway::interleave
