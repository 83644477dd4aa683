// SPDX-License-Identifier: MIT
#include "runtime/sched/wait.hpp"

#include "runtime/sched/blocked_threads.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

namespace {

// os::thread_note() of a plain thread: whether it is inside a WaitScope, so that a signal handler on top of it can tell; and whether this
// is such a handler.
constexpr uintptr_t kInside = 1, kAsync = 2;

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
  Scheduler& s = scheduler();
  // A retaker decides under the lock. When we have had it, our P was taken, or it found us inside.
  s.lock.lock();
  const bool taken = (m->gate.poll_bits() & crossing::poll::kNoP) != 0;
  s.lock.unlock();
  if (!taken) return m;
  G* g = m->current;
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
      m_ = enter_runtime(m_);
    } else if (!m_->gate.enter_runtime()) {
      m_->gate.exit_runtime();
      async_ = true;
    }
    if (async_) [[unlikely]]
      ++m_->async_depth;
    return;
  }
  g_ = nullptr;
  note_before_ = os::thread_note();
  // A handler may have interrupted this thread anywhere, also where it holds a lock of ours or of malloc: if in doubt, the signal-safe way.
  async_ = (note_before_ & kInside) != 0 || kind == Kind::NeverWaits;
  os::set_thread_note(note_before_ | (async_ ? kAsync : kInside));
}

WaitScope::~WaitScope() {
  if (m_ != nullptr) {
    if (async_) [[unlikely]]
      --m_->async_depth;
    else m_->gate.exit_runtime();
  } else {
    os::set_thread_note((os::thread_note() & ~(kInside | kAsync)) | (note_before_ & (kInside | kAsync)));
  }
}

void WaitScope::prepare(Waiter& waiter, const WaitOptions& options) noexcept {
  // One by one: a copy of the whole would read wide what the caller has just stored narrow, which costs a stall of 4 ns.
  options_.deadline_ns = options.deadline_ns;
  options_.cancellable = options.cancellable;
  options_.what = options.what;
  waiter.who = g_ != nullptr ? &g_->parker : &own_;
  ticket_ = waiter.who->claim.ticket() + 1;
  waiter.ticket = ticket_;
}

WaitEnd WaitScope::park_and_unlock(base::Lock& lock, AfterUnlock after) noexcept {
  CW_DCHECK(!async_, "a signal handler does not wait");
  return g_ != nullptr ? park_green(lock, after) : park_thread(lock, after);
}

WaitEnd WaitScope::sleep(const WaitOptions& options) noexcept {
  Waiter nobody_links_it;
  prepare(nobody_links_it, options);
  if (g_ == nullptr) {
    base::Lock own(base::LockRank::Object);
    own.lock();
    return park_thread(own, {});
  }
  g_->join_lock.lock();  // free between uses; here it says whether our context is saved
  return park_green(g_->join_lock, {});
}

WaitEnd WaitScope::park_green(base::Lock& lock, AfterUnlock after) noexcept {
  G* g = g_;
  Parker& parker = g->parker;
  parker.lock = &lock;
  const uint64_t ticket = parker.claim.begin(options_.cancellable ? Claimers::Anybody : Claimers::Timer);
  CW_DCHECK(ticket == ticket_, "the ticket that was prepared is the one that opens");
  g->waits_for.store(options_.what, std::memory_order_relaxed);
  g->state.store(GState::Parked, std::memory_order_relaxed);
  bool over = false;
  if (options_.cancellable && parker.claim.stop_seen(g->stop_requested)) {
    over = parker.claim.claim(ticket, WaitEnd::Cancelled);
  } else if (options_.deadline_ns != kNoDeadline) {
    if (options_.deadline_ns <= now_ns()) over = parker.claim.claim(ticket, WaitEnd::TimedOut);
    else arm_timer(m_->p, g, ticket, options_.deadline_ns);
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
  const WaitEnd end = parker.claim.finish();
  if (g->timer_home != nullptr) disarm_timer(g);
  return end;
}

WaitEnd WaitScope::park_thread(base::Lock& lock, AfterUnlock after) noexcept {
  own_.lock = &lock;
  own_.woken.store(0, std::memory_order_relaxed);  // relaxed: published by the lock
  const uint64_t ticket = own_.claim.begin(Claimers::Timer);
  CW_DCHECK(ticket == ticket_, "the ticket that was prepared is the one that opens");
  lock.unlock();
  if (after.run != nullptr) after.run(after.object);
  BlockedThread here(options_.deadline_ns == kNoDeadline, own_.woken);
  // acquire: pairs with the release in ready(): what the waker did to our slot.
  while (own_.woken.load(std::memory_order_acquire) == 0) {
    uint64_t wait_ns = UINT64_MAX;
    if (options_.deadline_ns != kNoDeadline) {
      const uint64_t now = os::now_ns();
      if (now >= options_.deadline_ns) {
        if (own_.claim.claim(ticket, WaitEnd::TimedOut)) break;
        // Claimed by a waker, which will store woken any moment.
      } else {
        wait_ns = options_.deadline_ns - now;
      }
    }
    os::futex_wait(own_.woken, 0, wait_ns);
  }
  return own_.claim.finish();
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
    if (before != nullptr) push_runnable(p, before);
    return;
  }
  Scheduler& s = scheduler();
  if (m != nullptr) {
    s.inject.push(g);
    if (m->async_depth != 0) wake_any_async();
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
