// SPDX-License-Identifier: MIT
#include "runtime/sched/wait.hpp"
#include "runtime/sched/fork.hpp"
#include "runtime/sched/halt.hpp"

#include <new>

#include "runtime/sched/blocked_threads.hpp"
#include "runtime/sched/chaos.hpp"
#include "runtime/sched/in_place.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

namespace {

using os::note::kAsync;
using os::note::kInside;

// Releases the object's lock when the parked context is saved.
struct Unlock : Deferred {
  Unlock(base::Lock& lock_, WaitScope::AfterUnlock then_) noexcept : Deferred{&release}, lock(&lock_), then(then_) {}
  static void release(Deferred* self) noexcept {
    auto* me = static_cast<Unlock*>(self);
    const WaitScope::AfterUnlock copy = me->then;  // the waiter may run, and its stack be gone, as soon as the lock is free
    me->lock->unlock_deferred();
    if (copy.run != nullptr) copy.run(copy.object);
  }
  base::Lock* lock;
  WaitScope::AfterUnlock then;
};

// Puts the green thread whose P was taken where somebody with a P finds it.
struct Inject : Deferred {
  explicit Inject(G* g_) noexcept : Deferred{&inject}, g(g_) {}
  static void inject(Deferred* self) noexcept {
    G* g = static_cast<Inject*>(self)->g;
    g->state.store(GState::Runnable, std::memory_order_relaxed);
    push_global(g, g, 1);
    Scheduler& s = scheduler();
    {
      base::LockGuard guard(s.lock);
      --s.hogs;  // only now: in between it would be counted nowhere, and all might seem idle
    }
    if (s.idle.should_wake()) wake_one();
  }
  G* g;
};

}  // namespace

M* enter_runtime(M* m) noexcept { return m->gate.enter_runtime() ? m : enter_runtime_slow(m); }

CW_NOINLINE M* enter_runtime_slow(M* m) noexcept {
  if (m->lost) child_returned_into_green();
  Scheduler& s = scheduler();
  halt_in_call(m);
  // A retaker decides under the lock. When we have had it, our P was taken, or it found us inside.
  s.lock.lock();
  const bool taken = (m->gate.poll_bits() & crossing::poll::kNoP) != 0;
  s.lock.unlock();
  if (!taken) return s.options.migrate_always ? chaos::move(m) : m;
  G* g = m->current;
  hog_returned(m, g);
  if (g->in.active) {  // it stays on its thread
    {
      base::LockGuard guard(s.lock);
      --s.hogs;
    }
    obtain_p_in_place(m, g);
    return m;
  }
  Inject deferred(g);
  g->waits_for.store("a processor, after it ran for long", std::memory_order_relaxed);
  switch_context(m, g, &m->system, &deferred);
  g->waits_for.store(nullptr, std::memory_order_relaxed);
  return g->m;
}

WaitScope::WaitScope(Kind kind) noexcept : m_(this_m()) {
  if (m_ != nullptr) {
    g_ = m_->current;
    if (m_->gate.in_runtime()) [[unlikely]] {
      async_ = true;
    } else if (kind == Kind::MayWait) {
      if (!m_->gate.enter_runtime()) [[unlikely]] {
        if (m_->lost) {
          m_->gate.exit_runtime();
          async_ = true;
        } else {
          m_ = enter_runtime_slow(m_);
        }
      }
    } else if (!m_->gate.enter_runtime() && (m_->gate.poll_bits() & ~crossing::poll::kSlow) != 0) {
      m_->gate.exit_runtime();
      async_ = true;
    } else {
      m_->never_waits = true;
    }
    if (async_) [[unlikely]]
      ++m_->async_depth;
    return;
  }
  g_ = nullptr;
  ::new (&own_) Parker;
  // A handler may have interrupted this thread anywhere, also where it holds a lock of ours or of malloc: if in doubt, the signal-safe way.
  note_before_ = os::set_thread_flags(kInside);
  async_ = (note_before_ & kInside) != 0 || kind == Kind::NeverWaits;
  if (async_) {
    os::set_thread_flags(kAsync);
    if ((note_before_ & kInside) == 0) os::clear_thread_flags(kInside);
  }
}

cw_status WaitScope::refusal() const noexcept { return m_ != nullptr && m_->lost ? CW_E_FORKED : CW_E_ASYNC; }

WaitScope::~WaitScope() {
  if (m_ != nullptr) {
    if (async_) [[unlikely]] {
      --m_->async_depth;
    } else {
      m_->never_waits = false;
      m_->gate.exit_runtime();
    }
  } else {
    os::clear_thread_flags((kInside | kAsync) & ~note_before_);
  }
}

bool WaitScope::may_spin() const noexcept {
  if (m_ == nullptr || m_->foreign) return true;
  const P* p = m_->p;
  return scheduler().p_count > 1 && p->next() == nullptr && p->queue.empty();
}

uint64_t WaitScope::random() noexcept {
  uint64_t state = 0;
  std::atomic<uint64_t>* plain = nullptr;
  if (m_ != nullptr) {
    state = m_->random;  // shared with the choice of whom to rob
  } else {
    // Plain threads have no word left for this: a stack, by its address, stands for the thread. Two that share an entry share its sequence.
    struct alignas(64) Entry {
      std::atomic<uint64_t> state{0};
    };
    static constinit Entry entries[64];
    const auto at = static_cast<size_t>((reinterpret_cast<uintptr_t>(this) >> 16) * 0x9e3779b97f4a7c15ULL >> 58);
    plain = &entries[at].state;
    // relaxed, both: a number, nothing is ordered by it, and an update that gets lost only repeats one.
    state = plain->load(std::memory_order_relaxed);
    if (state == 0) state = (at + 1) * 0x9e3779b97f4a7c15ULL;
  }
  state ^= state >> 12;  // xorshift64*
  state ^= state << 25;
  state ^= state >> 27;
  if (plain != nullptr) plain->store(state, std::memory_order_relaxed);
  else m_->random = state;
  return (state * 0x2545f4914f6cdd1dULL) >> 32;
}

void WaitScope::prepare(Waiter& waiter, const WaitOptions& options) noexcept {
  // One by one: a copy of the whole would read wide what the caller has just stored narrow, which costs a stall of 4 ns.
  deadline_ns_ = options.deadline_ns;
  cancellable_ = options.cancellable;
  what_ = options.what;
  object_ = options.object;
  stop_ = options.stop;
  waiter.who = g_ != nullptr ? &g_->parker : &own_;
  ticket_ = waiter.who->claim.ticket() + 1;
  waiter.ticket = ticket_;
}

WaitEnd WaitScope::park_and_unlock(base::Lock& lock, AfterUnlock after) noexcept {
  CW_DCHECK(!async_, "a signal handler does not wait");
  if (g_ == nullptr) return park_thread(lock, after);
  if (m_->leaf != nullptr) [[unlikely]]
    leaf_waited(m_);
  return g_->in.active ? park_in_place(lock, after) : park_green(lock, after);
}

WaitEnd WaitScope::sleep(const WaitOptions& options) noexcept {
  Waiter nobody_links_it;
  prepare(nobody_links_it, options);
  if (g_ == nullptr || g_->in.active) {
    base::Lock own(base::LockRank::Object);
    own.lock();
    return park_and_unlock(own);
  }
  if (m_->leaf != nullptr) [[unlikely]]
    leaf_waited(m_);
  g_->join_lock.lock();  // free between uses; here it says whether our context is saved
  return park_green(g_->join_lock, {});
}

WaitEnd WaitScope::park_green(base::Lock& lock, AfterUnlock after) noexcept {
  G* g = g_;
  Parker& parker = g->parker;
  parker.lock = &lock;
  const uint64_t ticket = parker.claim.begin(cancellable_ ? Claimers::Anybody : Claimers::Timer);
  CW_DCHECK(ticket == ticket_, "the ticket that was prepared is the one that opens");
  g->waits_for.store(what_, std::memory_order_relaxed);
  g->waits_at.store(object_, std::memory_order_relaxed);
  g->waits_since = scheduler().coarse_ns.load(std::memory_order_relaxed);
  g->state.store(GState::Parked, std::memory_order_relaxed);
  bool over = false;
  bool entered = false;
  if ((cancellable_ && parker.claim.stop_seen(g->stop_requested)) || (stop_ != nullptr && !(entered = stop_->enter(&parker, ticket)))) {
    over = parker.claim.claim(ticket, WaitEnd::Cancelled);
  } else if (deadline_ns_ != kNoDeadline) {
    const uint64_t now = now_ns();
    if (deadline_ns_ <= now) over = parker.claim.claim(ticket, WaitEnd::TimedOut);
    else arm_timer(m_->p, g, ticket, deadline_ns_, now);
  }
  if (over) {  // by ourselves: nobody else will make us ready, and we did not leave
    lock.unlock();
    if (after.run != nullptr) after.run(after.object);
  } else {
    Unlock deferred(lock, after);
    lock.hand_over();
    park_current(m_, g, &deferred);
    m_ = g->m;
  }
  g->waits_for.store(nullptr, std::memory_order_relaxed);
  g->state.store(GState::Running, std::memory_order_relaxed);
  if (entered) [[unlikely]]
    leave(*stop_);  // before finish(): INV-SP2
  const WaitEnd end = parker.claim.finish();
  if (g->timer_home != nullptr) disarm_timer(g);
  return end;
}

WaitEnd WaitScope::park_thread(base::Lock& lock, AfterUnlock after) noexcept {
  own_.lock = &lock;
  own_.woken.store(0, std::memory_order_relaxed);  // relaxed: published by the lock
  const uint64_t ticket = own_.claim.begin(Claimers::Timer);
  CW_DCHECK(ticket == ticket_, "the ticket that was prepared is the one that opens");
  const bool entered = stop_ != nullptr && stop_->enter(&own_, ticket);
  // Nobody else can have claimed it: the object's lock is ours, and there is no timer but this thread itself.
  const bool over = stop_ != nullptr && !entered && own_.claim.claim(ticket, WaitEnd::Cancelled);
  lock.unlock();
  if (after.run != nullptr) after.run(after.object);
  if (over) return own_.claim.finish();
  sleep_thread(own_, ticket);
  if (entered) leave(*stop_);  // our Parker goes with this frame: INV-SP2
  return own_.claim.finish();
}

// A green thread with C frames below it keeps its OS thread, and sleeps on it where it is: nothing else may run on that thread's C stack.
CW_NOINLINE WaitEnd WaitScope::park_in_place(base::Lock& lock, AfterUnlock after) noexcept {
  G* g = g_;
  Parker& parker = g->parker;
  parker.lock = &lock;
  parker.woken.store(0, std::memory_order_relaxed);  // relaxed: published by begin()
  const uint64_t ticket = parker.claim.begin(cancellable_ ? Claimers::Anybody : Claimers::Timer);
  CW_DCHECK(ticket == ticket_, "the ticket that was prepared is the one that opens");
  g->waits_for.store(what_, std::memory_order_relaxed);
  g->waits_at.store(object_, std::memory_order_relaxed);
  g->waits_since = scheduler().coarse_ns.load(std::memory_order_relaxed);
  g->state.store(GState::Parked, std::memory_order_relaxed);
  OuterStop outer(g, cancellable_);
  bool entered = false;
  const bool stopped = (cancellable_ && (parker.claim.stop_seen(g->stop_requested) || outer.requested())) ||
                       (stop_ != nullptr && !(entered = stop_->enter(&parker, ticket)));
  const bool over = stopped && parker.claim.claim(ticket, WaitEnd::Cancelled);
  lock.unlock();
  if (after.run != nullptr) after.run(after.object);
  if (!over) {
    // Without a P from here, until it ends.
    InPlace rest(m_, g, reinterpret_cast<uintptr_t>(__builtin_frame_address(0)), reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
    sleep_thread(parker, ticket);
  }
  outer.end();
  g->waits_for.store(nullptr, std::memory_order_relaxed);
  g->state.store(GState::Running, std::memory_order_relaxed);
  if (entered) leave(*stop_);
  return parker.claim.finish();
}

// Sleeps until the ticket is claimed, and made ready unless we claimed it.
void WaitScope::sleep_thread(Parker& parker, uint64_t ticket) noexcept {
  BlockedThread here({.what = what_, .object = object_, .for_ever = deadline_ns_ == kNoDeadline}, parker.woken);
  // acquire: pairs with the release in ready(): what the waker did to our slot.
  while (parker.woken.load(std::memory_order_acquire) == 0) {
    uint64_t wait_ns = UINT64_MAX;
    if (deadline_ns_ != kNoDeadline) {
      const uint64_t now = os::now_ns();
      if (now >= deadline_ns_) {
        if (parker.claim.claim(ticket, WaitEnd::TimedOut)) break;
        // Claimed by a waker, which will store woken any moment.
      } else {
        wait_ns = deadline_ns_ - now;
      }
    }
    os::futex_wait(parker.woken, 0, wait_ns);
  }
}

void ready(Parker* who) noexcept {
  if (who->g != nullptr) {
    ready_green(who->g);
    return;
  }
  std::atomic<uint32_t>& word = who->woken;
  // release: pairs with the acquire in park_thread(). The parker may be gone right after; the wake needs its address only.
  word.store(1, std::memory_order_release);
  os::futex_wake(word, 1);
}

void ready_green(G* g) noexcept {
  g->state.store(GState::Runnable, std::memory_order_relaxed);
  M* m = this_m();
  if (m != nullptr && m->async_depth == 0 && m->p != nullptr) {
    P* p = m->p;
    G* before = p->next();
    p->set_next(g);
    if (before == nullptr) return;
    if (!m->never_waits) [[likely]] {
      push_runnable(p, before);
      return;
    }
    // No lock, no allocation, no thread: what was interrupted may be malloc, or hold the scheduler's lock.
    Scheduler& s = scheduler();
    if (!p->queue.push(before)) s.inject.push(before);
    if (s.p_count > 1 && s.idle.should_wake()) wake_any_async();
    return;
  }
  Scheduler& s = scheduler();
  if (m != nullptr) {
    s.inject.push(g);  // without a P: a foreign thread's
    if (m->async_depth != 0 || m->never_waits) wake_any_async();
    else if (s.idle.should_wake()) wake_one();
    return;
  }
  ForeignCall call;
  if (!call.ok()) return;  // the runtime is gone, and the green thread with it
  s.inject.push(g);
  if ((os::thread_note() & kAsync) != 0) wake_any_async();
  else if (s.idle.should_wake()) wake_one();
}

}  // namespace causeway::sched
