// SPDX-License-Identifier: MIT
//
// What the scenarios of callbacks that are closed share: calls and closers. The steps are the
// product's (crossing/callee_steps.hpp, closure/idle.hpp); what is around them is told in the words of the functions that have it there.
#pragma once

#include <array>
#include <utility>

#include "bridge/closure/idle.hpp"
#include "tests/cpp/interleave/close_records.hpp"

namespace causeway::interleave {

template <class Env, unsigned Calls, unsigned Callbacks = 1, class Faults = CloseFaults>
struct CloseScenario : Scenario {
  using Rec = Record<Env>;
  static constexpr bool kWarm = !std::is_base_of_v<FenceModeEnv, Env>;  // in fence mode nobody takes the warm way

  std::array<GreenIn<Env>, Calls> greens;  // of thread 0 and on
  std::array<Rec, Callbacks> records;
  CheckedLock list_lock, process_lock;
  typename Env::template atomic<uint64_t> marks_made{0};
  typename Env::template atomic<uint32_t> ends_word{0};  // Process::ends, and what waiters sleep on; written under process_lock
  Rec* pending = nullptr;                                // guarded by process_lock
  std::array<uint64_t, kMaxThreads> own_marks{};
  unsigned sleepers = 0;

  explicit CloseScenario(uintptr_t bits = 0) {
    for (Rec& each : records) each.state.store(kTypeA | bits, std::memory_order_seq_cst);
  }
  const char* deadlock_name() const override { return "lost-wakeup"; }

  // --- a call in, by the C code of thread `self` ---

  void target(Rec& record, uintptr_t type) {
    require(!record.closed, "runs-after-close");
    require(!record.ended, "INV-CA1");
    require(record.type == type, "INV-CA3");
    ++record.running;
    const uint32_t functor = record.functor;
    require(functor == 1 && !record.closed && !record.ended, "INV-CA1");
    --record.running;
  }
  // As end_closely(), and end_warm() before it.
  void end_call(unsigned self) {
    GreenIn<Env>& in = greens[self];
    if (in.rare.load(std::memory_order_relaxed) == 0) return;
    const bool watched = (in.rare.load(std::memory_order_relaxed) & crossing::Inbound::kWatched) != 0;
    in.rare.fetch_and(0, std::memory_order_relaxed);
    if (watched) on_end();
  }
  // As end_callee_warm() and end_warm().
  void end_call_warm(unsigned self) {
    if constexpr (Faults::kRareFirst) {
      const bool watched = greens[self].rare.load(std::memory_order_relaxed) != 0;
      crossing::end_callee_warm(greens[self]);
      if (watched) end_call(self);
      return;
    }
    crossing::end_callee_warm(greens[self]);
    end_call(self);
  }
  bool may_run(Rec& record, uintptr_t type) {
    if (!Faults::kEveryType) return false;
    const uintptr_t state = record.state.load(std::memory_order_acquire);
    return (state & crossing::Callee::kBits) == 0 && state != 0 && state != type;
  }
  // As enter_callback_otherwise() and enter_bound().
  bool call_otherwise(unsigned self, Rec& record, uintptr_t type) {
    if (!crossing::announce_call(record.state, type) && !may_run(record, type)) return failed(record, type);
    const bool open = crossing::begin_callee<Env>(greens[self], &record, type) || may_run(record, type);
    if (open) target(record, type);
    static_cast<void>(crossing::end_callee<Env>(greens[self]));
    end_call(self);
    return open || failed(record, type);
  }
  // As cw_abi_enter_callback(). False: it was refused.
  bool call(unsigned self, Rec& record, uintptr_t type) {
    const uintptr_t state = record.state.load(std::memory_order_relaxed);
    const bool known = state == type || (Faults::kFirstCallIsSilent && (state & ~crossing::Callee::kFresh) == type);
    if (!kWarm || !known) return call_otherwise(self, record, type);
    if (!crossing::begin_callee_warm<Faults>(greens[self], &record, state)) {  // leave_closed()
      end_call_warm(self);
      return call_otherwise(self, record, type);
    }
    target(record, type);
    end_call_warm(self);
    return true;
  }
  // As answer(): the fallback of the callback of this type, while there is one. False, always.
  bool failed(Rec& record, uintptr_t type) {
    if (Faults::kReadsUncounted) {
      if ((record.state.load(std::memory_order_seq_cst) & ~crossing::Callee::kBits) == type) read_fallback(record, type);
      return false;
    }
    const bool known = closure::begin_reading(record) == type;
    if (known) read_fallback(record, type);
    if (!known && record.type == type && !record.claimed) ++record.lost;
    closure::end_reading(record);
    return false;
  }
  void read_fallback(Rec& record, uintptr_t type) {
    ++record.reading;
    require(record.fallback == type, "INV-SL1");
    --record.reading;
  }

  // --- closers ---

  // As callees::watch().
  uint32_t watch(unsigned self, const Rec* record) {
    uint32_t calls = 0;
    uint64_t marked = 0;
    list_lock.lock();
    for (GreenIn<Env>& in : greens) {
      if (!crossing::is_in(in, record)) continue;
      ++calls;
      if (crossing::mark_watched(in)) ++marked;
    }
    if (marked != 0) marks_made.fetch_add(marked, std::memory_order_release);
    list_lock.unlock();
    own_marks[self] += marked;
    return calls;
  }
  uint64_t marks(unsigned self) {
    if (Faults::kNoSecondLook) return 0;
    return Faults::kOwnMarksOnly ? own_marks[self] : marks_made.load(std::memory_order_acquire);
  }
  uint32_t ends_now() {
    process_lock.lock();
    const uint32_t ends = ends_word.load(std::memory_order_relaxed);
    process_lock.unlock();
    return ends;
  }
  // As lifetime.cc's.
  void on_end() {
    process_lock.lock();
    ends_word.store(ends_word.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const bool some = pending != nullptr;
    const unsigned woken = std::exchange(sleepers, 0);
    process_lock.unlock();
    for (unsigned i = 0; i < woken; ++i) CheckedFutex::wake_one(ends_word);
    if (some) settle(0);
  }
  struct WaitHost {
    CloseScenario* all;
    unsigned self;
    bool may_wait;
    uint64_t ends() { return all->ends_now(); }
    uint64_t marks() { return all->marks(self); }
    static bool expired() { return false; }
    // The queue of waiters is sync::WaitQueue, whose waits park_test.cc checks; here they sleep on the number itself.
    cw_status wait_for_end(uint64_t ends) {
      if (!may_wait) return CW_E_TIMEOUT;
      all->process_lock.lock();
      const uint32_t now = all->ends_word.load(std::memory_order_relaxed);
      const bool sleeps = Faults::kSleepsBlindly || now == ends;
      if (sleeps) ++all->sleepers;
      all->process_lock.unlock();
      if (sleeps) CheckedFutex::wait(all->ends_word, now, UINT64_MAX);
      return CW_OK;
    }
  };
  // As close() and wait(). False: the time is up.
  bool close_and_wait(unsigned self, Rec& record, bool may_wait = true) {
    crossing::close_state(record.state);
    if (!crossing::never_called(record.state)) {
      WaitHost host{this, self, may_wait};
      const auto look = [&] { return watch(self, &record); };
      if (closure::wait_until_idle<Env>(host, look) != CW_OK) return false;
    }
    require(record.running == 0, "runs-after-close");
    record.closed = true;
    return true;
  }
  // As end(): nobody holds or runs it.
  void end(Rec& record) {
    require(!record.ended, "ended-twice");
    require(record.running == 0, "INV-CA1");
    record.ended = true;
    record.functor = 0;
  }
  bool claim(Rec& record) {
    if (!Faults::kClaimsByState) return closure::claim_slot(record);
    const uintptr_t state = record.state.exchange(0, std::memory_order_seq_cst);
    if (record.readers.load(std::memory_order_seq_cst) == 0) return true;
    record.state.store(state, std::memory_order_seq_cst);
    return false;
  }
  // As create(), in the slot of one that has ended. False: somebody reads its fallback.
  bool use_again(Rec& record, uintptr_t type) {
    if (!claim(record)) return false;
    record.lost = 0;  // they met what is another's now
    record.claimed = true;
    require(record.reading == 0, "INV-SL1");
    record.type = type;
    record.claimed = false;
    record.fallback = static_cast<uint32_t>(type);
    record.functor = 1;
    record.closed = record.ended = false;
    require(record.reading == 0, "INV-SL1");
    record.state.store(type | crossing::Callee::kFresh, std::memory_order_release);
    return true;
  }
  struct SettleHost {
    CloseScenario* all;
    unsigned self;
    Rec* take_pending(uint64_t& ends) {
      all->process_lock.lock();
      ends = all->ends_word.load(std::memory_order_relaxed);
      Rec* list = std::exchange(all->pending, nullptr);
      all->process_lock.unlock();
      return list;
    }
    uint64_t put_back(Rec* list) {
      all->process_lock.lock();
      const uint64_t ends = Faults::kForgetsEnds ? 0 : all->ends_word.load(std::memory_order_relaxed);
      while (list != nullptr) all->push_pending_locked(std::exchange(list, list->next));
      all->process_lock.unlock();
      return ends;
    }
    uint64_t marks() { return all->marks(self); }
    uint32_t watch(Rec* record) { return all->watch(self, record); }
    void end(Rec* record) { all->end(*record); }
  };
  void push_pending_locked(Rec* record) {
    record->next = pending;
    pending = record;
  }
  void settle(unsigned self) {
    SettleHost host{this, self};
    closure::settle_pending<Env>(host);
  }
  // As release() of the last of many.
  void release(unsigned self, Rec& record) {
    crossing::close_state(record.state);
    if (crossing::never_called(record.state)) return end(record);
    process_lock.lock();
    push_pending_locked(&record);
    process_lock.unlock();
    settle(self);
  }
};

}  // namespace causeway::interleave
