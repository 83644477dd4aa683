// SPDX-License-Identifier: MIT
#include "runtime/sched/lifecycle.hpp"

#include <new>

#include "runtime/sched/chaos.hpp"
#include "runtime/sched/deadlock.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/fork.hpp"
#include "runtime/sched/poison.hpp"
#include "runtime/sched/poller.hpp"
#include "runtime/sched/posts.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/spawn.hpp"
#include "runtime/sched/whose_stack.hpp"

namespace causeway::sched {

constinit Process process;
CW_STATIC_LOCK(process.lifecycle);
alignas(64) std::byte scheduler_storage[sizeof(Scheduler)];

namespace {

// --- guarded by process.lifecycle ---
uint32_t references;
bool only_implicit;    // the one reference is the implicit start's
bool stopper_at_work;  // one thread waits for the end; others are told so
bool constructed;      // scheduler_storage holds a Scheduler

std::atomic<int> starter_tid{0};  // who is in set_up()

// release/acquire: what the hooks read is set up before they are seen.
std::atomic<const CrashHooks*> crash_hooks{nullptr};

constexpr uint64_t kDrainLookNs = 10'000'000;

uint64_t count_spawned() noexcept {
  Scheduler& s = scheduler();
  uint64_t n = s.foreign_spawned.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < s.p_count; ++i) n += s.ps[i]->spawned.load(std::memory_order_relaxed);
  return n;
}

// Read before count_spawned(): the difference is never too small.
uint64_t count_ended() noexcept {
  Scheduler& s = scheduler();
  uint64_t n = 0;
  // acquire: pairs with P::count_end(), so that what an ended green thread spawned is counted too. A stale sum means one more look.
  for (uint32_t i = 0; i < s.p_count; ++i) n += s.ps[i]->ended.load(std::memory_order_acquire);
  return n;
}

bool alive(const G* g) noexcept { return (g->generation.load(std::memory_order_acquire) & 1) != 0 && in_progress(g); }

// Asks everybody to stop who was not asked yet. One membarrier for all.
void request_stop_of_all() noexcept {
  Scheduler& s = scheduler();
  const uint32_t used = s.arena->used();
  for (uint32_t i = 0; i < used; ++i) {
    G* g = s.arena->at(i);
    if (alive(g)) request_stop_begin(g);
  }
  base::asym::heavy();
  for (uint32_t i = 0; i < used; ++i) {
    G* g = s.arena->at(i);
    if (alive(g)) request_stop_finish(g);
  }
}

// On which thread of the host, and what it waits for: a hint, it may go on meanwhile.
void append_place(LeftText& names, const G* g) noexcept {
  const char* before = " (";
  const M* m = g->m;
  if (g->in.active && m != nullptr && m->foreign) {
    names.append(before).append("called by thread ").append_dec(static_cast<uint64_t>(m->tid.load(std::memory_order_relaxed)));
    before = ", ";
  }
  const char* waits_for = g->waits_for.load(std::memory_order_relaxed);
  if (g->state.load(std::memory_order_relaxed) == GState::Parked && waits_for != nullptr) {
    names.append(before).append("waits for ").append(waits_for);
    before = ", ";
  } else if (g->out.in_c()) {
    names.append(before).append("in C");
    before = ", ";
  }
  if (*before == ',') names.append(")");
}

void list_who_is_left(LeftText* left) noexcept {
  Scheduler& s = scheduler();
  const uint32_t used = s.arena->used();
  constexpr uint32_t kNamed = 8;
  uint32_t named = 0;
  uint64_t all = 0;
  LeftText names;
  for (uint32_t i = 0; i < used; ++i) {
    const G* g = s.arena->at(i);
    if (!alive(g)) continue;
    if (++all > kNamed) continue;
    ++named;
    if (named > 1) names.append(", ");
    append_identity(names, g);
    append_place(names, g);
  }
  if (const uint64_t posts = waiting_posts(); posts != 0)
    left->append_dec(posts)
        .append(posts == 1 ? " post waits" : " posts wait")
        .append(" for the memory of a green thread, or for max_green; ");
  left->append_dec(all);
  left->append(all == 1 ? " green thread has not ended" : " green threads have not ended");
  if (all == 0) return;
  left->append(": ").append(names.view());
  if (all > named) left->append(", ...");
}

// Takes down what is there, in any state of completeness. Nothing of ours runs any more but what is ended here. Needs: lifecycle.
void tear_down() noexcept {
  Scheduler& s = scheduler();
  stop_monitor();
  {
    base::LockGuard guard(s.lock);
    s.exiting.store(true, std::memory_order_relaxed);  // relaxed: read under the lock
  }
  // Nobody begins to create a thread from here; one that is being created becomes visible to the join below.
  for (;;) {
    {
      base::LockGuard guard(s.lock);
      if (s.starting == 0) break;
    }
    os::sleep_ns(100'000);
  }
  const uint32_t ms = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < ms; ++i) s.ms[i]->sleep.wake();
  join_ended_workers();
  foreign::release_all();
  stop_posts();
  remove_poller();
  if (s.crash_reports) s.crash_reports->remove();
  if (s.guard_installed) stack::uninstall_guard_handler();
  for (uint32_t i = 0; i < s.p_count && s.ps != nullptr; ++i) {
    P* p = s.ps[i];
    if (p == nullptr) continue;
    while (G* g = p->free_greens) {
      p->free_greens = g->next;
      s.arena->give_back(g, g, 1);
    }
    s.foreign_spawned.fetch_add(p->spawned.load(std::memory_order_relaxed), std::memory_order_relaxed);
    poison::destroy(p);
  }
  delete[] s.ps;
  s.ps = nullptr;
  s.p_count = 0;
  // The caches gave back what they held when their Ps went, so a promise that is left was forgotten by whoever failed after making it.
  for (const stack::ClassStats& each : s.stacks.stats().classes)
    CW_CHECK(each.promised == 0, "a promise of a stack outlived all green threads");
  CW_CHECK(s.stacks.stop() == 0, "a stack outlived all green threads");
  if (s.arena != nullptr) s.arena->retire();
  s.arena = nullptr;
  for (uint32_t i = 0; i < ms; ++i) poison::destroy(s.ms[i]);
  if (s.ms != nullptr) os::unmap(s.ms, s.ms_bytes);
  s.ms = nullptr;
  s.m_count.store(0, std::memory_order_relaxed);
}

base::Result<void> set_up(const Options& options, base::asym::Mode barrier) noexcept {
  if (constructed) scheduler().~Scheduler();
  new (scheduler_storage) Scheduler;
  constructed = true;
  Scheduler& s = scheduler();
  s.options = options;
  poison::set(options.poison);
  os::remember_cpus();
  os::remember_mask();
  crossing::set_float_apart(options.float_apart);
  s.max_hogs = options.max_hogs != 0 ? options.max_hogs : 4 * options.processors;
  if (auto mode = base::asym::start(barrier); !mode) return mode.error();
  auto default_class = stack::class_for(options.stack_size);
  if (!default_class) return default_class.error();
  s.default_class = *default_class;
  stack::PoolOptions pool;
  pool.guard_size = options.guard_size;
  pool.allow_light_guards = options.light_guards;
  if (auto started = s.stacks.start(pool); !started) return started.error();
  const base::Error no_memory =
      base::fail(CW_E_NOMEM, "no memory to start the runtime; give the process more, or start with fewer processors");
  if (auto posting = start_posts(options.post_capacity); !posting) return posting.error();
  s.arena = Arena::create();
  if (s.arena == nullptr) return no_memory;
  s.ms_bytes = (size_t{options.max_threads} * sizeof(M*) + os::page_size() - 1) & ~(os::page_size() - 1);
  s.ms = static_cast<M**>(os::map_reserve(s.ms_bytes));
  if (s.ms == nullptr) return no_memory;
  s.ps = new (std::nothrow) P*[options.processors]();
  if (s.ps == nullptr) return no_memory;
  s.p_count = options.processors;
  s.idle.reset(options.processors);
  const uint64_t now = now_ns();
  for (uint32_t i = 0; i < s.p_count; ++i) {
    s.ps[i] = new (std::nothrow) P(i, options.processors == 1, s.stacks, now);
    if (s.ps[i] == nullptr) return no_memory;
    chaos::adopt(s.ps[i]);
  }
  for (uint32_t i = s.p_count; i-- > 0;) {
    base::LockGuard guard(s.lock);
    push_idle_p_locked(s.ps[i]);
    s.idle.add_idle();
  }
  if (options.guard_handler) {
    if (auto installed = stack::install_guard_handler(s.stacks, &describe_owner, &describe_system_stack); !installed)
      return installed.error();
    s.guard_installed = true;
  }
  if (const CrashHooks* hooks = crash_hooks.load(std::memory_order_acquire); options.crash_reports && hooks != nullptr) {
    if (auto installed = hooks->install(); !installed) return installed.error();
    s.crash_reports = hooks;
  }
  if (auto monitor = start_monitor(); !monitor) return monitor.error();
  // One worker from the start, so that a later failure to make more never leaves green threads without anybody to run them.
  if (start_worker(nullptr, false) == nullptr) return s.last_thread_error;
  return {};
}

}  // namespace

void forget_scheduler() noexcept {
  Scheduler& s = scheduler();
  // Their handlers wait, when they go, for those that are at work: of threads that are not here.
  stack::forget_fault_handlers();
  if (constructed && s.crash_reports) s.crash_reports->remove();
  if (constructed && s.guard_installed) stack::uninstall_guard_handler();
  constructed = false;  // not destroyed: INV-FK2
  references = 0;
  only_implicit = stopper_at_work = false;
  starter_tid.store(0, std::memory_order_relaxed);
}

void set_crash_hooks(const CrashHooks* hooks) noexcept { crash_hooks.store(hooks, std::memory_order_release); }

bool starting_here() noexcept {
  const int starter = starter_tid.load(std::memory_order_relaxed);  // relaxed: our own, or somebody else's
  return starter != 0 && starter == os::thread_id();
}

base::Result<void> start(const Options& options, base::asym::Mode barrier, StartKind kind) noexcept {
  if (starting_here()) return base::fail(CW_E_NOT_READY, "this thread is starting the runtime right now");
  base::LockGuard guard(process.lifecycle);
  switch (phase()) {
    case Phase::Running:
      if (kind == StartKind::Implicit) return {};
      if (only_implicit) only_implicit = false;
      else ++references;
      return {};
    case Phase::Stopping:
      return base::fail(CW_E_STOPPED, "the runtime is stopping; wait for cw_runtime_stop to return CW_OK, then start again");
    case Phase::Forked: return base::fail(CW_E_FORKED, kForkedText);
    case Phase::Off:
    case Phase::Starting: break;
  }
  process.phase.store(Phase::Starting, std::memory_order_relaxed);
  starter_tid.store(os::thread_id(), std::memory_order_relaxed);
  auto ready = set_up(options, barrier);
  starter_tid.store(0, std::memory_order_relaxed);
  if (!ready) {
    const base::Error why = ready.error();
    tear_down();
    process.phase.store(Phase::Off, std::memory_order_release);
    return why;
  }
  references = 1;
  only_implicit = kind == StartKind::Implicit;
  // release: everything that set_up() did; pairs with phase(). seq_cst: see ForeignCall.
  process.phase.store(Phase::Running, std::memory_order_seq_cst);
  return {};
}

cw_status stop(uint64_t timeout_ns, LeftText* left) noexcept {
  const bool on_green = current_green() != nullptr;
  {
    base::LockGuard guard(process.lifecycle);
    const Phase now = phase();
    if (now == Phase::Off) {
      left->append("no runtime is running");
      return CW_E_STATE;
    }
    if (now == Phase::Forked) {
      left->append(kForkedText);
      return CW_E_FORKED;
    }
    if (now == Phase::Running && references > 1) {
      --references;
      return CW_OK;
    }
    if (on_green) {
      left->append("a green thread cannot wait for its own end; stop the runtime from another thread");
      return CW_E_STATE;
    }
    if (now == Phase::Running) {
      references = 0;
      // seq_cst: before our look at foreign_calls; see ForeignCall.
      process.phase.store(Phase::Stopping, std::memory_order_seq_cst);
      foreign::shut_all();
    }
    if (stopper_at_work) {
      left->append("another thread is waiting for the runtime to stop");
      return CW_E_BUSY;
    }
    stopper_at_work = true;
  }
  Scheduler& s = scheduler();
  const uint64_t begun = os::now_ns();
  bool drained = false;
  for (;;) {
    request_stop_of_all();
    s.drained.store(0, std::memory_order_relaxed);  // relaxed: a wake-up that is missed costs one look's time
    // In this order: what is left of the host's can make green threads, but no green thread lets the host in again.
    const bool nobody_outside = process.foreign_calls.load(std::memory_order_seq_cst) == 0 && foreign::inside() == 0 && no_posts();
    const uint64_t ended = count_ended();
    // Once more: the last green thread may have left a call in behind that its host has suspended.
    drained = nobody_outside && count_spawned() == ended && foreign::inside() == 0;
    if (drained) break;
    const uint64_t spent = os::now_ns() - begun;
    if (spent >= timeout_ns) break;
    const uint64_t rest = timeout_ns - spent;
    os::futex_wait(s.drained, 0, rest < kDrainLookNs ? rest : kDrainLookNs);
  }
  base::LockGuard guard(process.lifecycle);
  stopper_at_work = false;
  if (!drained) {
    list_who_is_left(left);
    return CW_E_BUSY;
  }
  // seq_cst: before our look at foreign_calls. From here nobody begins to touch the scheduler.
  process.phase.store(Phase::Starting, std::memory_order_seq_cst);
  // acquire: what those calls did. They are short: none of them waits.
  while (process.foreign_calls.load(std::memory_order_acquire) != 0) os::sleep_ns(20'000);
  tear_down();
  process.phase.store(Phase::Off, std::memory_order_release);
  return CW_OK;
}

Counters counters() noexcept {
  Counters c{};
  base::LockGuard guard(process.lifecycle);
  if (!constructed) return c;
  Scheduler& s = scheduler();
  c.hogs_detached = s.hogs_detached.load(std::memory_order_relaxed);
  c.handoffs = s.handoffs.load(std::memory_order_relaxed);
  c.posts_dropped = posts_dropped();
  const foreign::Counters calls = foreign::counters();
  c.foreign_threads = calls.bound;
  c.spare_threads = calls.spare;
  c.calls_in = calls.calls_in;
  c.calls_out = calls.calls_out;
  c.nested = calls.nested;
  c.stacks_learned = calls.stacks_learned;
  c.stacks_accepted = calls.stacks_accepted;
  c.records_retired = calls.retired;
  if (phase() == Phase::Off || phase() == Phase::Forked) {
    c.spawned = s.foreign_spawned.load(std::memory_order_relaxed);
    return c;
  }
  const uint64_t ended = count_ended();
  c.spawned = count_spawned();
  c.greens = c.spawned - ended + calls.inside;
  c.processors = s.p_count;
  c.stack_bytes = s.stacks.stats().mapped_bytes;
  const uint32_t used = s.arena->used();
  for (uint32_t i = 0; i < used; ++i) c.greens_parked += s.arena->at(i)->state.load(std::memory_order_relaxed) == GState::Parked;
  base::LockGuard lock(s.lock);
  c.workers = s.m_alive;
  return c;
}

}  // namespace causeway::sched
