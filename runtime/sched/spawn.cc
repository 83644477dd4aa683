// SPDX-License-Identifier: MIT
//
// Birth: a record, a promise of a stack, a place in a queue. The stack itself comes with the first run (end.cc, bind_stack).
#include "runtime/sched/spawn.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/sched/exit_watch.hpp"
#include "runtime/sched/fork.hpp"
#include "runtime/sched/poison.hpp"
#include "runtime/sched/post_ring.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

constexpr uint64_t kIdBatch = 256;  // ids that a P reserves at once
constexpr size_t kNameMax = 31;

void initialise(G* g, const SpawnRequest& request, stack::StackClass stack_class, uint64_t id, uint64_t parent, char* name) noexcept {
  poison::record_taken(g);
  g->sp = nullptr;
  g->next = nullptr;
  g->eh = EhGlobals{};
  g->stack_class = stack_class;
  g->detached = request.detached;
  g->id = id;
  g->spawned_by = parent;
  g->spawned_at = request.place;
  g->name = name;
  g->ops = request.ops;
  g->outcome = 0;
  g->lock_depth = request.locked ? 1 : 0;
  g->locked_m = nullptr;
  g->waits_for.store(nullptr, std::memory_order_relaxed);
  g->stop_state_dead = false;
  g->stop_told = false;
  g->stop_requested.store(0, std::memory_order_relaxed);
  g->life.store(request.detached ? G::kReleased : 0, std::memory_order_relaxed);
  g->state.store(GState::Runnable, std::memory_order_relaxed);
  g->generation.store(g->generation.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  request.ops->construct(g->payload, request.source);
}

char* copy_name(const char* name) noexcept {
  const size_t n = strnlen(name, kNameMax);
  auto* copy = static_cast<char*>(malloc(n + 1));
  if (copy == nullptr) return nullptr;
  memcpy(copy, name, n);
  copy[n] = '\0';
  return copy;
}

base::Error no_memory(const char* text) noexcept { return base::Error{CW_E_NOMEM, errno, text}; }

base::Result<void> spawn_on_m(M* m, const SpawnRequest& request, stack::StackClass stack_class, char* name, G** out) noexcept {
  P* p = m->p;
  G* g = take_record(p);
  if (g == nullptr) return no_memory("no memory for the record of a green thread; end some, or give the process more memory");
  if (!p->stacks.reserve(stack_class)) {
    free_record(p, g);
    return no_memory("no memory for the stack of a green thread; end some, use a smaller stack_size, or raise the address space limit");
  }
  if (p->next_id == p->last_id) take_ids(kIdBatch, p->next_id, p->last_id);
  initialise(g, request, stack_class, p->next_id++, m->current->id, name);
  P::count(p->spawned);
  if (!request.detached) *out = g;
  push_runnable(p, g);
  return {};
}

base::Result<void> spawn_foreign(const SpawnRequest& request, stack::StackClass stack_class, uint64_t parent, char* name,
                                 G** out) noexcept {
  Scheduler& s = scheduler();
  uint32_t got = 0;
  watch_exit(ExitPlace::FirstSpawn);
  G* g = s.arena->take(1, &got);
  if (g == nullptr) return no_memory("no memory for the record of a green thread; end some, or give the process more memory");
  if (auto reserved = s.stacks.reserve(stack_class); !reserved) {
    s.arena->give_back(g, g, 1);
    return reserved.error();
  }
  initialise(g, request, stack_class, process.next_green_id.fetch_add(1, std::memory_order_relaxed), parent, name);
  s.foreign_spawned.fetch_add(1, std::memory_order_relaxed);
  if (!request.detached) *out = g;
  s.inject.push(g);
  if (s.idle.should_wake()) wake_one();
  return {};
}

// What a spawn takes before it touches the scheduler; given back by undo() when it fails.
struct Prepared {
  stack::StackClass stack_class;
  char* name;
  bool locked;
};

void undo(const Prepared& prepared) noexcept {
  free(prepared.name);
  if (prepared.locked) uncount_locked();
  uncount_green();
}

base::Result<Prepared> prepare(const SpawnRequest& request) noexcept {
  Prepared prepared{scheduler().default_class, nullptr, request.locked};
  if (request.stack_size != 0) {
    auto found = stack::class_for(request.stack_size);
    if (!found) return found.error();
    prepared.stack_class = *found;
  }
  if (request.locked && !count_locked())
    return base::fail(CW_E_LIMIT, "too many green threads keep their OS thread; raise option max_threads, or unlock some");
  if (!count_green()) {
    if (request.locked) uncount_locked();
    return base::fail(CW_E_LIMIT, "option max_green is reached; let some green threads end, or raise it");
  }
  if (request.name != nullptr && (prepared.name = copy_name(request.name)) == nullptr) {
    undo(prepared);
    return no_memory("no memory for the name of a green thread");
  }
  return prepared;
}

constexpr base::Error kStopping = base::fail(CW_E_STOPPED, "the runtime is stopping and takes no new green threads");
constexpr base::Error kForked = base::fail(CW_E_FORKED, kForkedText);

}  // namespace

base::Result<void> spawn(const SpawnRequest& request, G** out) noexcept {
  if (M* m = this_m()) {
    if (m->gate.in_runtime()) return base::fail(CW_E_ASYNC, "a signal handler cannot spawn green threads");
    // relaxed: we run, so the runtime is there
    if (const Phase now = process.phase.load(std::memory_order_relaxed); now != Phase::Running)
      return now == Phase::Forked ? kForked : kStopping;
    auto prepared = prepare(request);
    if (!prepared) return prepared.error();
    if (m->foreign) {
      auto result = spawn_foreign(request, prepared->stack_class, m->current->id, prepared->name, out);
      if (!result) undo(*prepared);
      return result;
    }
    m = enter_runtime(m);
    auto result = spawn_on_m(m, request, prepared->stack_class, prepared->name, out);
    m->gate.exit_runtime();
    if (!result) undo(*prepared);
    return result;
  }
  if ((os::thread_note() & os::note::kAsync) != 0)
    return base::fail(CW_E_ASYNC, "the function of a stop of the world cannot spawn green threads");
  ForeignCall call;
  if (phase() != Phase::Running) {
    if (call.ok()) return kStopping;
    if (phase() == Phase::Forked) return kForked;
    return base::fail(CW_E_NOT_READY, "no runtime is running; call cw_runtime_start first, or leave implicit_start on");
  }
  auto prepared = prepare(request);
  if (!prepared) return prepared.error();
  auto result = spawn_foreign(request, prepared->stack_class, 0, prepared->name, out);
  if (!result) undo(*prepared);
  return result;
}

SpawnAnswer spawn_post(P* p, bool (*take)(Post* out) noexcept) noexcept {
  if (!count_green()) return SpawnAnswer::NoRoom;
  Scheduler& s = scheduler();
  Post post{};
  SpawnAnswer answer = SpawnAnswer::NoRoom;
  if (G* g = take_record(p)) {
    if (p->stacks.reserve(s.default_class)) {
      P::count(p->spawned);  // before the ring looks empty to a stop
      if (take(&post)) {
        const SpawnRequest request{
            .ops = s.options.post_ops, .source = &post, .name = nullptr, .stack_size = 0, .locked = false, .detached = true, .place = 0};
        if (p->next_id == p->last_id) take_ids(kIdBatch, p->next_id, p->last_id);
        initialise(g, request, s.default_class, p->next_id++, 0, nullptr);
        push_runnable(p, g);
        return SpawnAnswer::Done;
      }
      p->spawned.store(p->spawned.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);  // a stop only looks again
      answer = SpawnAnswer::Nothing;
      p->stacks.unreserve(s.default_class);
    }
    free_record(p, g);
  }
  uncount_green();
  return answer;
}

void take_ids(uint64_t count, uint64_t& next, uint64_t& last) noexcept {
  next = process.next_green_id.fetch_add(count, std::memory_order_relaxed);  // relaxed: unique is all it needs to be
  last = next + count;
}

G* current_green() noexcept {
  M* m = this_m();
  return m != nullptr && !m->current->is_system ? m->current : nullptr;
}

}  // namespace causeway::sched
