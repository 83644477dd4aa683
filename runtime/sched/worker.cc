// SPDX-License-Identifier: MIT
//
// Worker Ms: OS threads of ours. They are made when a P has work and no M sleeps, at most options.max_threads, and end when they were idle for
// long and there are more than Ps. Their signal mask is the one of the thread that started the runtime, with the
// signal of own_signal.hpp let through: decision 0020.
//
// A record of an M is used again by the next worker, after its old thread was joined; it is freed by stop().
#include <cstdlib>
#include <new>

#include "runtime/sched/chaos.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/own_signal.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/skipped.hpp"
#include "runtime/sched/switch.hpp"
#include "runtime/sched/system_stack.hpp"

namespace causeway::sched {

namespace {

// Some worker has ended since the monitor looked.
std::atomic<bool> to_be_joined{false};

void* worker_main(void* argument) {
  auto* m = static_cast<M*>(argument);
  Scheduler& s = scheduler();
  os::set_this_m(m);
  m->tid.store(os::thread_id(), std::memory_order_relaxed);
  uintptr_t low = 0, high = 0;
  os::thread_stack_bounds(&low, &high);
  m->stack_low = low;
  m->stack_high = high;
  m->words = os::thread_words();
  os::set_thread_note(reinterpret_cast<uintptr_t>(m));  // bound, as a foreign thread's M
  foreign::mark_float_apart(m->words);
  use_own_stack(m, low, high);
  m->system.stack.low = reinterpret_cast<std::byte*>(low);
  m->system.stack.high = reinterpret_cast<std::byte*>(high);
  m->eh = static_cast<EhGlobals*>(os::eh_globals());
  m->errno_word = os::errno_word();
#if CW_TSAN
  m->system.tsan_fiber = __tsan_get_current_fiber();
#endif
  // Without an alternate stack a guard hit on this thread would end without its report, and a hog is not asked where it is, nothing worse.
  if (!m->alt_stack.ensure() && s.options.guard_handler)
    base::log(base::LogLevel::Warn, "no memory for an alternate signal stack: an overflow on this worker is not reported by name");
  os::take_host_mask(own_signal());  // managed code is the host's
  m->current = &m->system;

  run_loop(m);

  m->alt_stack.restore();
  os::set_this_m(nullptr);
  os::set_thread_note(os::note::kUnbound);
  free(m->text);
  m->text = nullptr;
  skipped::release_all(m);
  while (G* g = m->call_greens) {
    m->call_greens = g->next_ready;
    foreign::free_call_green(g);
  }
  base::LockGuard guard(s.lock);
  if (!m->retired) --s.m_alive;
  // release: pairs with start_worker() and join_ended_workers(): nothing of the record is used by this thread any more.
  m->ended.store(true, std::memory_order_release);
  to_be_joined.store(true, std::memory_order_relaxed);  // a hint, and under the lock
  monitor_wake();
  return nullptr;
}

// A record that is not in use, or a new one; null: limit or memory. Needs: lock.
M* take_record_locked(pthread_t* to_join, bool* must_join) noexcept {
  Scheduler& s = scheduler();
  const uint32_t count = s.m_count.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < count; ++i) {
    M* m = s.ms[i];
    // acquire: pairs with the end of worker_main().
    if (!m->ended.load(std::memory_order_acquire) || m->inside() != 0)
      continue;  // or a call in on it has not returned, and perhaps never will
    m->ended.store(false, std::memory_order_relaxed);
    m->hog.sample.store(HogState::kNone, std::memory_order_relaxed);  // of the thread before, which never took its signal
    *must_join = m->thread_valid;
    *to_join = m->thread;
    return m;
  }
  if (count >= s.options.max_threads) return nullptr;
  auto* m = new (std::nothrow) M;
  if (m == nullptr) return nullptr;
  m->id = count;
  m->random = (count + 1) * 0x9e3779b97f4a7c15ULL;
  m->system.is_system = true;
  m->system.m = m;
  if (base::asym::fence_mode()) static_cast<void>(m->gate.request(crossing::poll::kFence));
  m->gate.rest(crossing::Where::Loop);
  if (s.world_stops) static_cast<void>(m->gate.request(crossing::poll::kStop));
  chaos::adopt(m);
  s.ms[count] = m;
  // release: publishes ms[count] to wake_any_async() and the monitor.
  s.m_count.store(count + 1, std::memory_order_release);
  return m;
}

struct StartRequest {
  P* p;
  bool searching;
  M* result;
};

// Stack: system or host: pthread_create wants more room than a small green stack may have.
void* start_on_system_stack(void* argument) noexcept {
  auto* request = static_cast<StartRequest*>(argument);
  Scheduler& s = scheduler();
  M* m = nullptr;
  pthread_t old{};
  bool must_join = false;
  {
    base::LockGuard guard(s.lock);
    if (s.exiting.load(std::memory_order_relaxed) || s.m_alive >= s.options.max_threads) return nullptr;
    m = take_record_locked(&old, &must_join);
    if (m == nullptr) return nullptr;
    ++s.m_alive;
    ++s.starting;
    m->handed_p = request->p;
    m->handed_searching = request->searching;
    m->retired = false;
    m->thread_valid = false;
  }
  if (must_join) pthread_join(old, nullptr);  // it has left its loop: this takes no time
  auto created = os::thread_create(&worker_main, m, s.options.system_stack_size, "causeway-worker");
  base::LockGuard guard(s.lock);
  --s.starting;
  if (!created) {
    --s.m_alive;
    m->handed_p = nullptr;
    m->handed_searching = false;
    m->ended.store(true, std::memory_order_relaxed);  // relaxed: under the lock, as every look at a record to reuse
    s.last_thread_error = created.error();
    return nullptr;
  }
  m->thread = *created;
  m->thread_valid = true;
  request->result = m;
  return nullptr;
}

}  // namespace

M* start_worker(P* p, bool searching) noexcept {
  StartRequest request{p, searching, nullptr};
  M* here = this_m();
  if (here != nullptr && !here->current->is_system) {
    const G* g = here->current;
    crossing::pivot(c_stack_low(here, g), reinterpret_cast<void*>(c_stack_high(here, g)), &start_on_system_stack, &request);
  } else start_on_system_stack(&request);
  return request.result;
}

void join_retired_workers() noexcept {
  if (!to_be_joined.load(std::memory_order_relaxed) || !to_be_joined.exchange(false, std::memory_order_relaxed)) return;
  Scheduler& s = scheduler();
  const uint32_t count = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i) {
    M* m = s.ms[i];
    {
      base::LockGuard guard(s.lock);
      // acquire: pairs with the end of worker_main().
      if (!m->thread_valid || !m->ended.load(std::memory_order_acquire)) continue;
      m->ended.store(false, std::memory_order_relaxed);  // taken: nobody uses the record again meanwhile
    }
    pthread_join(m->thread, nullptr);  // it has left its loop: this takes no time
    m->alt_stack.release();
    base::LockGuard guard(s.lock);
    m->thread_valid = false;
    m->ended.store(true, std::memory_order_relaxed);  // relaxed: under the lock, as every look at a record to reuse
  }
}

void join_ended_workers() noexcept {
  Scheduler& s = scheduler();
  const uint32_t count = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i) {
    M* m = s.ms[i];
    if (m->thread_valid) pthread_join(m->thread, nullptr);
    m->thread_valid = false;
    m->alt_stack.release();
  }
}

}  // namespace causeway::sched
