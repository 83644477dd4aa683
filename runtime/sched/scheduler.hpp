// SPDX-License-Identifier: MIT
//
// The state that all Ms of a runtime share, and the inner interface of the scheduler's files.
//
// Where to find what:
//   who runs      switch.hpp       changing contexts            schedule.cc      which green thread runs next, the loop of an M
//                 yield.cc         giving others a turn         idle.cc          going to sleep, waking up
//                 affinity.cc      green threads on one thread  worker.cc        OS threads: creation, ending, reuse
//   life          spawn.cc         birth                        end.cc           first run, body, end
//                 join.cc          waiting for an end           record.cc        records: taken, given back (arena.hpp)
//   waiting       wait.cc          parking and ready            brief_scope.hpp  a call that neither waits nor wakes
//                 in_place.cc      waits with C frames below
//                 stop_request.cc  asking to stop               stop_point.hpp   a std::stop_token that ends a wait
//                 timers.cc        arming, expiry               poller.cc        looking for I/O events (slot of runtime/io)
//                 watch.cc         who watches the timers and sits in the poller
//   the monitor   monitor.cc       its ticks                    hog.cc           reports of who runs for long
//                 stall.cc         reports of long waits        deadlock.cc      the proof that nobody can go on
//                 long_calls.cc    reports of long calls in
//                 frames.cc        where a green thread is      blocked_threads.cc  plain threads that sleep in a wait of ours
//   a stop        halt.cc          of the world: how an M keeps still   own_signal.cc   the one signal that we send
//   check modes   chaos.cc         migrate=always               poison.cc        freed memory
//   calls from C  foreign.cc       Ms of host threads           system_stack.cc  which C stack a call came on
//                 posts.cc         functions to run later       declared_stacks.cc  stacks that the host told of
//                 come_back.cc     a return from C that is not the plain one
//   faults        whose_stack.cc   whose stack an address is in
//   processes     fork.cc          what a child of fork() finds, and how it starts anew
//   all of it     lifecycle.cc     start and stop               options.hpp      what it is started with
//                 layout.cc        where what lies, for debuggers
//
// Words and queues with a protocol of their own: run_queue.hpp, inject.hpp, idle_word.hpp, park_word.hpp, timer_wheel.hpp.
//
// There is one Scheduler, in static storage, made anew by each start; its counters stay readable after a stop, and exit() never destroys it.
// What must be there before the first start and across restarts is in Process.
//
// Lock order: Scheduler::lock, then a P's timer lock, then the stack locks. No lock of ours is held over a switch except the one object
// lock that the landing site releases (Deferred).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/sched/arena.hpp"
#include "runtime/sched/idle_word.hpp"
#include "runtime/sched/inject.hpp"
#include "runtime/sched/layout.hpp"
#include "runtime/sched/machine.hpp"
#include "runtime/sched/options.hpp"
#include "runtime/sched/processor.hpp"

namespace causeway::sched {

enum class Phase : uint32_t {
  Off,       // nothing of ours exists
  Starting,  // one thread sets things up, under the lifecycle lock
  Running,
  Stopping,  // spawns are refused; green threads are asked to stop
  Forked,    // a child of fork(): what is there was the parent's, and nobody runs it. fork.hpp
};

// Constant-initialised: usable from any constructor on.
struct Process {
  std::atomic<Phase> phase{Phase::Off};
  std::atomic<uint64_t> foreign_calls{0};         // plain threads inside a call that touches the scheduler: stop waits for them
  std::atomic<uint64_t> next_green_id{1};         // never reset: ids are unique in the process
  base::Lock lifecycle{base::LockRank::Runtime};  // start, stop, and records that outlive the runtime
};
extern Process process;

struct Scheduler {
  // --- constant while Running ---
  Options options;
  P** ps = nullptr;
  uint32_t p_count = 0;
  Arena* arena = nullptr;
  stack::Pool stacks;
  stack::StackClass default_class = stack::StackClass::k64K;
  uint64_t max_hogs = 0;
  // The time as the monitor saw it last: a tick old, for what must cost nothing. Written by it alone; relaxed: orders nothing.
  std::atomic<uint64_t> coarse_ns{0};

  // --- lock-free ---
  std::atomic<bool> exiting{false};  // all green threads have ended: Ms leave their loops. Set under lock
  InjectList<G, &G::next> inject;    // made ready by threads without a P
  IdleWord<> idle;
  std::atomic<uint64_t> watch_deadline{0};  // until when the watching M sleeps; 0: there is none. Written under lock
  std::atomic<uint64_t> virtual_now{0};
  std::atomic<uint64_t> foreign_spawned{0}, foreign_ended{0}, hogs_detached{0}, handoffs{0};
  std::atomic<uint32_t> drained{0};      // stop() sleeps here; touched by the end of a green thread while Stopping
  std::atomic<uint64_t> green_count{0};  // kept only with max_green
  std::atomic<uint32_t> locked{0};       // green threads that keep their OS thread

  // --- guarded by lock (rank Sched) ---
  base::Lock lock{base::LockRank::Sched};
  P* idle_ps = nullptr;
  base::IntrusiveList<M, &M::idle_link> idle_ms;  // most recently idle first
  M* watcher = nullptr;                           // the idle M that sleeps until watch_deadline
  // The M that waits in the poller: set when it decides to, cleared by itself only, when it is out (INV-POLL1). Read without the lock too.
  std::atomic<M*> poller_seat{nullptr};
  G* global_first = nullptr;  // overflow of the rings, and what lost its P; FIFO
  G* global_last = nullptr;
  std::atomic<uint32_t> global_size{0};  // written under lock, read without it as a hint
  M** ms = nullptr;                      // every M ever made: [0, m_count)
  size_t ms_bytes = 0;
  bool guard_installed = false;                      // constant while Running
  const struct CrashHooks* crash_reports = nullptr;  // who is to be told of the end; null: nobody reports. Constant while Running
  std::atomic<uint32_t> m_count{0};                  // release: publishes ms[i]
  uint32_t m_alive = 0;
  uint32_t starting = 0;            // threads that are being created right now
  uint32_t hogs = 0;                // Ms that run a green thread without a P
  bool world_stops = false;         // a new M halts: halt.hpp
  base::Error last_thread_error{};  // why no worker could be started

  const LayoutTable* layout = &layout_table;  // so that a program that links the archive has it
};

// The one scheduler; valid from the first start on.
alignas(64) extern std::byte scheduler_storage[];
inline Scheduler& scheduler() noexcept { return *reinterpret_cast<Scheduler*>(scheduler_storage); }

// acquire: pairs with the release of start(): everything that it set up.
inline Phase phase() noexcept { return process.phase.load(std::memory_order_acquire); }

// A plain thread inside a call that touches the scheduler. ok() is false when there is no runtime to touch; stop() waits for the end.
class ForeignCall {
 public:
  ForeignCall() noexcept {
    // seq_cst: our count, then our look at the phase; stop() sets the phase, then looks at the count.
    process.foreign_calls.fetch_add(1, std::memory_order_seq_cst);
    const Phase now = process.phase.load(std::memory_order_seq_cst);
    ok_ = now == Phase::Running || now == Phase::Stopping;
  }
  // release: what we did comes before the teardown.
  ~ForeignCall() { process.foreign_calls.fetch_sub(1, std::memory_order_release); }
  ForeignCall(const ForeignCall&) = delete;
  ForeignCall& operator=(const ForeignCall&) = delete;
  bool ok() const noexcept { return ok_; }

 private:
  bool ok_;
};

// The M of the calling thread, or null on a plain thread.
inline M* this_m() noexcept { return static_cast<M*>(os::this_m()); }

// --- schedule.cc ---
// The next green thread of this P by its own means, or null: then the M's loop looks further. Needs: P. Stack: any.
G* pick_local(P* p) noexcept;
// True when the M's loop must get its turn first: the global queue's, or a timer's that is due. Needs: P.
bool loop_is_due(P* p) noexcept;
// Puts `g` at the end of p's ring (overflow goes to the global queue) and wakes somebody if that helps. Needs: P.
void push_runnable(P* p, G* g) noexcept;
// The same for a list of green threads that wait for nothing any more, with one look whether to wake somebody.
struct ReadyList;
void push_runnable_all(P* p, ReadyList& list) noexcept;
// A list linked by next to the end of the global queue.
void push_global(G* first, G* last, uint32_t n) noexcept;
void push_global_locked(G* first, G* last, uint32_t n) noexcept;
// Parks the current green thread. `deferred` runs when its context is saved. Needs: P, current == g. Returns on any M.
struct Deferred;
void park_current(M* m, G* g, Deferred* deferred) noexcept;
// The loop of an M, on its system stack; returns when the M must end.
void run_loop(M* m) noexcept;
// First run: gives `g` its stack and its first context. Cannot fail.
void bind_stack(P* p, G* g) noexcept;

// So many ids that no other green thread has: [next, last).
void take_ids(uint64_t count, uint64_t& next, uint64_t& last) noexcept;

// --- end.cc ---
// The bottom frame of every green stack; `landing` is the deferred action of the switch.
[[noreturn]] void green_main(void* landing) noexcept;
// Asks a green thread to stop. In two halves for many at once: begin() for each, one asym::heavy(), finish() for each. finish() runs the stop
// state's request in the caller: user code, so not inside the runtime.
void request_stop(G* g) noexcept;
void request_stop_begin(G* g) noexcept;
void request_stop_finish(G* g) noexcept;
// The record of a dead green thread goes to the arena, from outside of any P. Needs: the last reference.
void release_to_arena(G* g) noexcept;

// --- wait.cc ---
// Puts a green thread that was claimed or taken off where it runs next. Signal-safe.
void ready_green(G* g) noexcept;
// The same at the end of p's ring. Needs: P.
inline void ready_in_turn(P* p, G* g) noexcept {
  g->state.store(GState::Runnable, std::memory_order_relaxed);
  push_runnable(p, g);
}
// Enters the runtime on an M; may switch away when the P was taken. Returns the M to go on with.
M* enter_runtime(M* m) noexcept;
M* enter_runtime_slow(M* m) noexcept;

// --- idle.cc ---
// Work was published: wake one M unless that is under way. Stack: any. Signal-safe: no.
void wake_one() noexcept;
// The same from code that may have interrupted the scheduler: wakes some sleeping M to look. Signal-safe: yes.
void wake_any_async() noexcept;
// Gives up the P and sleeps until there is one to work with. False: the M must end. Needs: P. Stack: system.
bool release_and_sleep(M* m) noexcept;
// Sleeps without having had a P.
bool sleep_for_p(M* m) noexcept;
// Gives `p` to an M that will run it: an idle one, else a new one; else it becomes idle. Stack: any.
void start_p(P* p) noexcept;
void attach_p_locked(M* m, P* p) noexcept;
// Gives m an idle P. False: there is none.
bool take_idle_p_locked(M* m) noexcept;
// Hands m's P, and g to run first, to an M that is neither m nor G::came_from nor G::m, a new one if need be. False: there is none, m keeps
// both. Needs: P. Stack: system.
bool give_to_stranger(M* m, G* g) noexcept;
void push_idle_p_locked(P* p) noexcept;

// --- watch.cc ---
// A timer earlier than the watcher's was armed.
void timer_moved_forward(uint64_t deadline_ns) noexcept;

// --- timers.cc ---
void arm_timer(P* p, G* g, uint64_t ticket, uint64_t deadline_ns, uint64_t now) noexcept;
void disarm_timer(G* g) noexcept;
// Makes all green threads ready whose time has come on p's wheel. into: the P that gets them. True: at least one.
bool run_timers(P* p, P* into, uint64_t now) noexcept;
uint64_t earliest_timer() noexcept;

// --- worker.cc ---
// Starts an M that gets `p` (may be null) and searches if `searching`. Null: no thread could be had.
M* start_worker(P* p, bool searching) noexcept;
void join_ended_workers() noexcept;
// Joins threads that have retired since the last look, so that their stacks go. By the monitor.
void join_retired_workers() noexcept;

// --- affinity.cc ---
// One more, or one less, green thread keeps its M. False: max_threads leaves no M for the others.
bool count_locked() noexcept;
void uncount_locked() noexcept;
// `g` is locked to another M than m: hands m's P and g over. m has no P afterwards. Stack: system.
void hand_to_locked(M* m, G* g) noexcept;
// No thread can be had for p: a locked green thread that waits there gets the P, for its own M sleeps for it. False: there is none. Needs: P.
bool hand_to_sleeping_owner(P* p) noexcept;
// The loop's turn of an M whose green thread is locked to it: sleeps until it runs again. False: the M must end.
bool wait_for_locked(M* m) noexcept;

// --- monitor.cc ---
base::Result<void> start_monitor() noexcept;
void stop_monitor() noexcept;
// Somebody would run if this P were free: what its own queues hold, what everybody may take, or whose time has come.
bool waits_for_p(const P* p) noexcept;
// Something runs again: the monitor may have to look. Cheap when it is awake. Signal-safe: yes.
void monitor_wake() noexcept;

}  // namespace causeway::sched
