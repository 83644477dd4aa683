// SPDX-License-Identifier: MIT
//
// The first run of a green thread, its body, and its end: the bottom frame of every green stack.
#include "arch/arch.hpp"
#include "runtime/sched/callees.hpp"
#include "runtime/sched/poison.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

namespace {

constexpr size_t kColours = 16, kColourBytes = 64;  // start offsets inside the first page, so that stacks do not share cache sets

// Tells everybody who joins that it is over. The joiners keep the record until they are ready, and their Waiters until then.
// True: the reference was dropped meanwhile (a join that gave up leaves kJoiner behind), so the record is ours.
CW_NOINLINE bool end_with_joiners(P* p, G* g) noexcept {
  Waiter* woken = nullptr;
  g->join_lock.lock();
  const bool released = (g->life.fetch_or(G::kDone, std::memory_order_acq_rel) & G::kReleased) != 0;
  while (Waiter* w = g->joiners.pop_front()) {
    w->linked = false;
    if (!claim(*w)) continue;
    w->slot = woken;
    woken = w;
  }
  g->join_lock.unlock();
  while (woken != nullptr) {
    Parker* who = woken->who;
    woken = static_cast<Waiter*>(woken->slot);
    // Not as the next one: who joins many would then be switched to after each single end, and the others could not follow each other on
    // this stack.
    if (who->g != nullptr) ready_in_turn(p, who->g);
    else ready(who);
  }
  return released;
}

// Releases the stack of a green thread that is over, from the next context.
struct ReleaseStack : Deferred {
  static void release_it(Deferred* self) noexcept {
    const ReleaseStack copy = *static_cast<ReleaseStack*>(self);  // it lives on that very stack
#if CW_TSAN
    __tsan_destroy_fiber(copy.fiber);
#endif
    poison::stack_freed(copy.stack);
    copy.p->stacks.release(copy.stack, copy.stack_class);
  }
  P* p;
  stack::Stack stack;
  stack::StackClass stack_class;
#if CW_TSAN
  void* fiber;
#endif
};

// Who takes over the stack at hand without a switch: the next green thread, if it is new and of the same class.
constexpr bool kAdoptStacks = CW_TSAN == 0 && CW_ASAN == 0;

[[noreturn]] CW_COLD void left_by_unwinding(const G* g) noexcept {
  base::TextBuffer<384> text;
  text.append("green thread ");
  append_identity(text, g);
  text.append(
      " was left by an unwinding that is no exception of its own: pthread_exit, or a cancelled cancellation point; its thread is a worker of the runtime");
  base::fatal(base::FatalId::UncaughtException, text.view());
}

// The body and what belongs to it, in user mode. True: the record is ours alone and its rare parts are gone.
CW_NOINLINE bool run_body(G* g) {
  try {
    g->outcome = g->ops->run(g->payload);
  } catch (...) { left_by_unwinding(g); }                  // the edges of a body let nothing else out
  if (g->in.is(crossing::Inbound::kPlain)) [[unlikely]] {  // a jump over an entry that it called by itself
    if (callees::plain_over(g)) callees::tell_end();
    g->in.clear(crossing::Inbound::kPlain);
  }
  if (!g->detached) {
    // acquire: pairs with release(): the holder's last use.
    if ((g->life.load(std::memory_order_acquire) & G::kReleased) == 0) return false;
    if (g->ops->destroy_result != nullptr) g->ops->destroy_result(g->payload, g->outcome);
  }
  drop_extras(g);
  return true;
}

// Settles who frees the record. True: we do.
bool end_life(M*& m, G* g, bool ours) noexcept {
  if (ours) return true;
  uint32_t seen = 0;
  // release: the outcome and the payload; pairs with the acquire in join() and release(). acquire: the holder's last use.
  if (g->life.compare_exchange_strong(seen, G::kDone, std::memory_order_release, std::memory_order_acquire)) return false;
  if ((seen & G::kReleased) == 0 && !end_with_joiners(m->p, g)) return false;
  // Released just now. The result's destructor is user code: out of the runtime for it.
  m->gate.exit_runtime();
  if (g->ops->destroy_result != nullptr) g->ops->destroy_result(g->payload, g->outcome);
  drop_extras(g);
  m = enter_runtime(g->m);
  return true;
}

}  // namespace

void bind_stack(P* p, G* g) noexcept {
  const StackLock::Change change(g->stack_lock);
  g->stack = p->stacks.bind(g->stack_class);
  poison::stack_taken(g->stack);
  const size_t colour = (g->id % kColours) * kColourBytes;
  g->sp = arch::prepare(g->stack.high - colour, &green_main);
#if CW_TSAN
  g->tsan_fiber = __tsan_create_fiber(0);
#endif
#if CW_ASAN
  g->asan_fake_stack = nullptr;
#endif
}

void green_main(void* landing) noexcept {
#if CW_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  land(landing);
  M* m = this_m();
  G* g = m->current;
  for (;;) {
    if (g->lock_depth != 0) [[unlikely]] {
      g->locked_m = m;
      m->locked_g = g;
    }
    m->gate.exit_runtime();
    const bool ours = run_body(g);
    m = enter_runtime(g->m);

    // From here to the switch: the end of g. Its record is not touched after end_life() said that it is not ours.
    P* p = m->p;
    const stack::Stack stack = g->stack;
    const stack::StackClass stack_class = g->stack_class;
#if CW_TSAN
    void* fiber = g->tsan_fiber;
#endif
    const bool kept_thread = g->lock_depth != 0;
    g->lock_depth = 0;
    g->locked_m = nullptr;
    m->locked_g = nullptr;
    if (kept_thread) [[unlikely]]
      uncount_locked();
    g->state.store(GState::Dead, std::memory_order_relaxed);
    if (end_life(m, g, ours)) {
      p = m->p;
      if (g->lock_depth != 0) [[unlikely]] {  // the result's destructor left the thread locked
        uncount_locked();
        m->locked_g = nullptr;
      }
      retire_record(g);
      free_record(p, g);
    }
    p->count_end();
    uncount_green();
    // relaxed: stop() looks again by itself after a while.
    if (process.phase.load(std::memory_order_relaxed) == Phase::Stopping) [[unlikely]] {
      scheduler().drained.store(1, std::memory_order_release);
      os::futex_wake(scheduler().drained, 1);
    }

    G* to = &m->system;
    if (!loop_is_due(p)) {
      if (G* next = pick_local(p)) {
        if (next->locked_m != nullptr) [[unlikely]] {
          m->pending = next;
        } else if (kAdoptStacks && next->sp == nullptr && next->stack_class == stack_class && !poison::on()) {
          // Hot reuse: it goes on right here, on this stack. Its own promise of a stack is given back.
          p->stacks.unreserve(stack_class);
          {
            const StackLock::Change change(next->stack_lock);
            next->stack = stack;
            next->sp = &next->sp;  // "has run": any value but null
          }
          next->m = m;
          next->state.store(GState::Running, std::memory_order_relaxed);
          m->current = next;
          *m->eh = EhGlobals{};
          arch::reset_float_control();
          g = next;
          continue;
        } else {
          if (next->sp == nullptr) bind_stack(p, next);
          next->state.store(GState::Running, std::memory_order_relaxed);
          to = next;
        }
      }
    }
    ReleaseStack deferred;
    deferred.run = &ReleaseStack::release_it;
    deferred.p = p;
    deferred.stack = stack;
    deferred.stack_class = stack_class;
#if CW_TSAN
    deferred.fiber = fiber;
#endif
    switch_away_for_good(m, to, &deferred);
  }
}

}  // namespace causeway::sched
