// SPDX-License-Identifier: MIT
//
// The search of the interleaving checker: choices, one run, the next one, random walks.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/cpp/interleave/engine.hpp"

namespace causeway::interleave {

Engine& Engine::the() {
  static Engine engine;
  return engine;
}

// --- choices --------------------------------------------------------------------------------------------------

unsigned Engine::choose(unsigned options, bool free) {
  if (options < 2) return 0;
  if (random_ && !replaying_) {
    // xorshift; three times in four the first option where the others cost something.
    random_state_ ^= random_state_ << 13;
    random_state_ ^= random_state_ >> 7;
    random_state_ ^= random_state_ << 17;
    const uint64_t value = random_state_ >> 16;
    const unsigned taken = !free && value % 4 != 0 ? 0 : static_cast<unsigned>((value >> 8) % options);
    choices_.push_back(Choice{static_cast<uint16_t>(taken), static_cast<uint16_t>(options)});
    ++position_;
    return taken;
  }
  if (position_ == choices_.size()) choices_.push_back(Choice{0, static_cast<uint16_t>(options)});
  const Choice choice = choices_[position_++];
  if (choice.options != options) {
    std::fprintf(stderr, "interleave: a replay met other options than before (INV-CHK1)\n");
    std::abort();
  }
  return choice.taken;
}

unsigned Engine::choose_delayed(unsigned n) {
  if (self_ == kMain || (!random_ && delays_left_ == 0)) return 0;
  const unsigned taken = choose(n, false);
  if (taken != 0 && !random_) --delays_left_;
  if (taken != 0) deviation("does not see the newest value");
  return taken;
}

void Engine::budget(unsigned level) {
  preemptions_left_ = std::min(level, bounds_.preemptions);
  delays_left_ = std::min(level, bounds_.delays);
}

bool Engine::next_run() {
  while (!choices_.empty()) {
    Choice& last = choices_.back();
    if (++last.taken < last.options) return true;
    choices_.pop_back();
  }
  return false;
}

// --- runs -----------------------------------------------------------------------------------------------------

void Engine::thread_main(void* engine) noexcept {
  Engine& self = *static_cast<Engine*>(engine);
  const unsigned id = self.self_;
  self.scenario_->thread(id);
  // What it still holds in its buffer leaves when somebody looks, or at the end of the run.
  self.states_[id] = State::Finished;
  self.note("ends");
  self.give_way();
  std::abort();
}

void Engine::run_once(const Maker& make) {
  position_ = 0;
  steps_ = 0;
  failure_ = nullptr;
  self_ = kMain;
  const std::unique_ptr<Scenario> scenario = make();
  scenario_ = scenario.get();
  threads_ = scenario->threads();
  memory_.membarrier();  // what the constructor wrote is known to all
  for (unsigned i = 0; i < threads_; ++i) {
    states_[i] = State::Ready;
    fibers_[i].start(&Engine::thread_main, this);
  }
  give_way();
  if (failure_ != nullptr) return;
  memory_.membarrier();
  scenario->finally();
}

void Engine::finish_replay(const Maker& make, Report& report) {
  report.failure = failure_;
  replaying_ = tracing_ = true;
  trace_.clear();
  memory_.reset(model_);
  run_once(make);
  tracing_ = replaying_ = false;
  report.schedule = trace_;
}

Report Engine::explore(Model model, const Bounds& bounds, const Maker& make, uint64_t seed) {
  Report report;
  report.seed = seed;
  bounds_ = bounds;
  model_ = model;
  all_steps_ = 0;
  random_ = false;
  const unsigned top = std::max(bounds.preemptions, bounds.delays);
  for (unsigned level = 0; level <= top && report.failure.empty() && !report.cut; ++level) {
    choices_.clear();
    do {
      budget(level);
      memory_.reset(model);
      run_once(make);
      ++report.exhaustive;
      if (failure_ != nullptr) {
        budget(level);
        finish_replay(make, report);
        break;
      }
      report.cut = report.exhaustive >= bounds.max_schedules;
    } while (!report.cut && next_run());
  }
  random_ = true;
  random_state_ = seed | 1;
  for (uint64_t i = 0; i < bounds.random_runs && report.failure.empty(); ++i) {
    choices_.clear();
    memory_.reset(model);
    run_once(make);
    ++report.random;
    if (failure_ != nullptr) finish_replay(make, report);
  }
  report.steps = all_steps_;
  return report;
}

}  // namespace causeway::interleave
