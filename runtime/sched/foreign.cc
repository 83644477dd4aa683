// SPDX-License-Identifier: MIT
#include "runtime/sched/foreign.hpp"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "runtime/sched/exit_watch.hpp"
#include "runtime/sched/fork.hpp"
#include "runtime/sched/halt.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/shut.hpp"
#include "runtime/sched/skipped.hpp"
#include "runtime/sched/spare_list.hpp"
#include "runtime/sched/system_stack.hpp"

namespace causeway::sched::foreign {

namespace {

constexpr uintptr_t kMainStack = 8 << 20;  // what the kernel keeps free below the main thread's stack in any case
constexpr uint32_t kChunk = Places::kPerChunk, kChunks = Places::kChunks;

// The process's one table; outlives every runtime.
struct Table {
  base::Lock lock{base::LockRank::Task};
  std::atomic<M**> chunks[kChunks]{};
  std::atomic<uint32_t> count{0};  // release: publishes the M below it. Written under lock
  SpareList<M> spares;
  std::atomic<uint32_t> spare_count{0}, bound_count{0};
  std::atomic<uint32_t> key_state{0};  // 0: not tried, 1: there, 2: there are no keys left
  pthread_key_t key{};                 // constant once key_state is 1
  bool world_stops = false;            // guarded by lock: a new M halts
};
constinit Table table;
CW_STATIC_LOCK(table.lock);

M* at(uint32_t id) noexcept { return table.chunks[id / kChunk].load(std::memory_order_acquire)[id % kChunk]; }

template <class Visit>
void for_each(Visit visit) noexcept {
  const uint32_t count = table.count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i) visit(at(i));
}

// Workers too, if there are any.
template <class Visit>
void for_each_anywhere(Visit visit) noexcept {
  for_each(visit);
  if (const Phase now = phase(); now == Phase::Off || now == Phase::Forked) return;
  const Scheduler& s = scheduler();
  const uint32_t count = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i) visit(s.ms[i]);
}

void push_spare(M* m) noexcept {
  table.spares.push(m);
  table.spare_count.fetch_add(1, std::memory_order_relaxed);
}

M* pop_spare() noexcept {
  M* m = table.spares.pop(at);
  if (m != nullptr) table.spare_count.fetch_sub(1, std::memory_order_relaxed);
  return m;
}

// The M has no thread any more. One with calls in that did not return waits until they have: they go on elsewhere, or never (INV-FM1).
void make_spare(M* m) noexcept {
  m->attached = 0;
  m->leaf = nullptr;  // it may have ended in the middle of one
  m->current = &m->system;
  forget_stacks(m);
  m->gate.leave(crossing::kIdleAnchor);
  table.bound_count.fetch_sub(1, std::memory_order_relaxed);
  if (m->inside() == 0) push_spare(m);
  else m->orphan.store(true, std::memory_order_release);  // pairs with adopt_orphans()
}

void adopt_orphans() noexcept {
  for_each([](M* m) {
    if (!m->orphan.load(std::memory_order_acquire) || m->inside() != 0) return;
    bool is = true;
    if (m->orphan.compare_exchange_strong(is, false, std::memory_order_acq_rel)) push_spare(m);
  });
}

bool is_dead(const M* m) noexcept {
  const int tid = m->tid.load(std::memory_order_relaxed);
  return tid != 0 && syscall(SYS_tgkill, getpid(), tid, 0) != 0 && errno == ESRCH;
}

// A thread may end without our key's destructor: its first call came in the last round of destructors. Gives back what such threads left.
void reap_dead() noexcept {
  const M* own = bound_m(*os::thread_words());  // in a fork child its number is the parent's
  for_each([&](M* m) {
    // acquire: the thread of this binding, or of a later one. INV-FM4
    uint32_t binding = m->binding.load(std::memory_order_acquire);
    if (m == own || (binding & 1) == 0 || !is_dead(m)) return;
    // It may have given the M back before it died, and somebody else may have it by now; and another reaper may be faster.
    if (!m->binding.compare_exchange_strong(binding, binding + 1, std::memory_order_acq_rel)) return;
    m->tid.store(0, std::memory_order_relaxed);
    free(m->text);
    m->text = nullptr;
    m->words = nullptr;  // gone with it
    m->alt_stack.abandon();
    make_spare(m);
  });
}

// The record may be older than the runtime that admits it. The thread is outside here, and that runtime may stop meanwhile and another start in the
// other mode: then kSlow was set again, and the thread comes here again before it is in.
void follow_mode(M* m) noexcept {
  if (base::asym::fence_mode()) static_cast<void>(m->gate.request(crossing::poll::kFence));
  else m->gate.clear(crossing::poll::kFence);
}

M* make_m() noexcept {
  auto* m = new (std::nothrow) M;
  if (m == nullptr) return nullptr;
  m->foreign = true;
  m->system.is_system = true;
  m->system.m = m;
  m->current = &m->system;
  m->gate.start_in_c(crossing::kIdleAnchor);
  base::LockGuard guard(table.lock);
  const uint32_t id = table.count.load(std::memory_order_relaxed);
  M** chunk = id / kChunk < kChunks ? table.chunks[id / kChunk].load(std::memory_order_relaxed) : nullptr;
  if (chunk == nullptr && id / kChunk < kChunks) {
    chunk = new (std::nothrow) M*[kChunk]();
    if (chunk != nullptr) table.chunks[id / kChunk].store(chunk, std::memory_order_release);
  }
  if (chunk == nullptr) {
    delete m;
    return nullptr;
  }
  m->id = id;
  m->random = (id + 1) * 0x9e3779b97f4a7c15ULL;
  chunk[id % kChunk] = m;
  if (table.world_stops) static_cast<void>(m->gate.request(crossing::poll::kStop));
  table.count.store(id + 1, std::memory_order_release);
  return m;
}

using os::note::kEnding;
using os::note::kFlags;
using os::note::kText;

void on_thread_end(void*) {
  os::ThreadWords* words = os::thread_words();
  words->note |= kEnding;
  M* m = bound_m(*words);
  if (m != nullptr && m->foreign && m->inside() != 0) skipped::put_away_all(m);
  if (m != nullptr && m->foreign && words->m == nullptr) give_back_m(m);
  if ((words->note & kText) == 0) return;
  free(reinterpret_cast<char*>(words->note & ~kFlags));
  words->note &= kFlags & ~kText;
}

// The key is made once in the life of the process and never deleted: destructors of threads that end late still find this code (nodelete).
bool have_key() noexcept {
  uint32_t state = table.key_state.load(std::memory_order_acquire);
  if (state == 0) {
    base::LockGuard guard(table.lock);
    state = table.key_state.load(std::memory_order_relaxed);
    if (state == 0) {
      state = pthread_key_create(&table.key, on_thread_end) == 0 ? 1 : 2;
      table.key_state.store(state, std::memory_order_release);
    }
  }
  return state == 1;
}

// The thread's end will be noticed.
bool watch_end(os::ThreadWords* words) noexcept { return have_key() && pthread_setspecific(table.key, words) == 0; }

}  // namespace

void mark_float_apart(os::ThreadWords* words) noexcept {
  words->note = (words->note & ~os::note::kFloatApart) | (crossing::float_apart() ? os::note::kFloatApart : 0);
}

char* thread_text() noexcept {
  const os::ThreadWords* words = os::thread_words();
  if ((words->note & kText) != 0) return reinterpret_cast<char*>(words->note & ~kFlags);
  const M* m = bound_m(*words);
  return m != nullptr ? m->text : nullptr;
}

bool keep_thread_text(char* buffer) noexcept {
  os::ThreadWords* words = os::thread_words();
  // As in enter(): no handler binds the thread meanwhile. In such a handler itself, or inside a wait, there is no text.
  const uintptr_t before = os::set_thread_flags(os::note::kInside);
  bool kept = (before & os::note::kAsync) == 0;
  if (M* m = bound_m(*words)) {
    m->text = buffer;
  } else {
    kept = kept && watch_end(words);
    if (kept) words->note = reinterpret_cast<uintptr_t>(buffer) | (words->note & kFlags) | kText;
  }
  if ((before & os::note::kInside) == 0) os::clear_thread_flags(os::note::kInside);
  return kept;
}

cw_status borrow_m(M** out, bool* per_call, Limited limited) noexcept {
  os::ThreadWords* words = os::thread_words();
  watch_exit(ExitPlace::FirstCall);
  uint64_t limit = 0;
  bool guards = false;
  {
    const ForeignCall call;  // the options of a runtime that is there
    if (call.ok()) {
      limit = scheduler().options.max_foreign;
      guards = scheduler().options.guard_handler || scheduler().options.crash_reports;
    }
  }
  const uint32_t bound = table.bound_count.fetch_add(1, std::memory_order_relaxed);
  const auto fail = [&](cw_status status) {
    table.bound_count.fetch_sub(1, std::memory_order_relaxed);
    return status;
  };
  if (limited == Limited::Yes && limit != 0 && bound >= limit) return fail(CW_E_LIMIT);
  M* m = pop_spare();
  if (m == nullptr) {
    reap_dead();
    adopt_orphans();
    m = pop_spare();
  }
  if (m == nullptr && (m = make_m()) == nullptr) return fail(CW_E_NOMEM);
  if (table.spares.empty())
    if (M* spare = make_m()) push_spare(spare);
  m->words = words;
  m->eh = static_cast<EhGlobals*>(os::eh_globals());
  m->errno_word = os::errno_word();
  m->tid.store(os::thread_id(), std::memory_order_relaxed);
  m->binding.fetch_add(1, std::memory_order_release);  // pairs with reap_dead()
  forget_stacks(m);
  // Without one an overflow in a callback is not reported by name, nothing worse.
  if (guards) static_cast<void>(m->alt_stack.ensure());
  *per_call = (words->note & kEnding) != 0 || !watch_end(words);
  if ((words->note & kText) != 0) m->text = reinterpret_cast<char*>(words->note & ~kFlags);
  words->note = (words->note & kFlags & ~(kText | os::note::kUnbound)) | reinterpret_cast<uintptr_t>(m);
  mark_float_apart(words);
  *out = m;
  return CW_OK;
}

void give_back_m(M* m) noexcept {
  os::ThreadWords* words = m->words;
  // One store: a handler on top of us finds the thread bound or not, and binds it again if not.
  const uintptr_t text = m->text != nullptr ? reinterpret_cast<uintptr_t>(m->text) | kText : 0;
  words->note = (words->note & kFlags & ~os::note::kFloatApart) | os::note::kUnbound | text;
  m->text = nullptr;
  m->words = nullptr;
  m->last_tid = m->tid.load(std::memory_order_relaxed);
  m->tid.store(0, std::memory_order_relaxed);
  m->binding.fetch_add(1, std::memory_order_release);  // from here no reaper takes it: INV-FM4
  m->alt_stack.restore();                              // its memory stays with the M
  make_spare(m);
}

cw_status admit(M* m) noexcept {
  while ((m->gate.poll_bits() & crossing::poll::kStop) != 0) wait_for_world();
  if (m->gate.poll_bits() == 0) return CW_OK;
  const Phase now = open_gate(*m, table.lock, [] { return phase(); });
  if (now == Phase::Running) {
    follow_mode(m);
    mark_float_apart(m->words);
    return CW_OK;
  }
  return now == Phase::Stopping ? CW_E_STOPPED : now == Phase::Forked ? CW_E_FORKED : CW_E_NOT_READY;
}

bool own_stack_of_another(const M* m, uintptr_t sp) noexcept {
  bool found = false;
  for_each([&](const M* each) {
    if (each == m) return;
    uintptr_t low = each->stacks.thread_low.load(std::memory_order_relaxed);
    const uintptr_t high = each->stacks.thread_high.load(std::memory_order_relaxed);
    // The main thread's is what its limit lets it grow to, and other memory may lie there if that is large.
    if (each->tid.load(std::memory_order_relaxed) == getpid() && high - low > kMainStack) low = high - kMainStack;
    if (low != 0 && sp >= low && sp < high && !is_dead(each)) found = true;  // the stack of a dead thread may be anybody's by now
  });
  return found;
}

uint32_t count() noexcept { return table.count.load(std::memory_order_acquire); }
M* by_id(uint32_t id) noexcept { return at(id); }
constinit const Places places{table.chunks, &table.count};

void halt_new(bool halt, void (*visit)(M& m, const M* self), const M* self) noexcept {
  base::LockGuard guard(table.lock);
  table.world_stops = halt;
  for_each([&](M* m) { visit(*m, self); });
}

void shut_all() noexcept {
  shut_gates<base::RealAtomics>(table.lock, [](auto visit) { for_each([&](M* m) { visit(*m); }); });
}

uint64_t inside() noexcept {
  return count_inside([](auto visit) { for_each_anywhere([&](const M* m) { visit(*m); }); });
}

void release_all() noexcept {
  for_each([](M* m) {
    skipped::release_all(m);
    while (G* g = m->call_greens) {
      m->call_greens = g->next_ready;
      free_call_green(g);
    }
  });
}

void shut_in_child(bool shut) noexcept {
  table.world_stops = false;
  for_each([shut](M* m) {
    m->gate.clear(crossing::poll::kStop);
    if (!shut) return;
    static_cast<void>(m->gate.request(crossing::poll::kSlow));
    m->lost = m->inside() != 0;
  });
}

namespace {

// The records of green threads that it keeps are the parent's.
void forget_records(M* m) noexcept {
  m->call_greens = nullptr;
  m->skipped_first = m->skipped_last = nullptr;
  m->skipped_count = 0;
  m->owes_closers = false;
}

// The M as a new one, for whichever thread. What it had of the parent's runtime is the parent's.
void make_new(M* m) noexcept {
  forget_records(m);
  m->current = &m->system;
  m->leaf = nullptr;
  m->base = nullptr;
  m->async_depth = 0;
  m->signalled.store(false, std::memory_order_relaxed);
  m->gate.leave(crossing::kIdleAnchor);
  forget_stacks(m);
}

// Its thread is not in this process.
void lose_thread(M* m) noexcept {
  if ((m->binding.load(std::memory_order_relaxed) & 1) != 0) m->binding.fetch_add(1, std::memory_order_relaxed);
  m->last_tid = m->tid.exchange(0, std::memory_order_relaxed);
  m->attached = 0;
  m->words = nullptr;
  m->orphan.store(false, std::memory_order_relaxed);
  m->alt_stack.abandon();
  free(m->text);
  m->text = nullptr;
  make_new(m);
}

// The calling thread is bound to nothing; what it runs below goes on until it comes back (INV-FK1).
void unbind_here(const M* own) noexcept {
  os::ThreadWords* words = os::thread_words();
  const uintptr_t text = own->text != nullptr ? reinterpret_cast<uintptr_t>(own->text) | kText : 0;
  words->note = (words->note & kFlags & ~os::note::kFloatApart) | os::note::kUnbound | text;
}

}  // namespace

void forget_threads() noexcept {
  M* own = bound_m(*os::thread_words());
  const bool stays = own != nullptr && own->foreign && own->inside() == 0;
  while (pop_spare() != nullptr) {}
  for_each([own, stays](M* m) {
    const bool below = m->inside() != 0;
    // What is in progress there does not end: it counts as over. INV-SH1
    m->calls_ended.store(m->calls_ended.load(std::memory_order_relaxed) + m->inside(), std::memory_order_relaxed);
    if (m == own && stays) {
      m->lost = false;
      make_new(m);
      return;
    }
    if (m == own) {
      forget_records(m);
      return;
    }
    m->lost = below;
    lose_thread(m);
    if (!below) push_spare(m);
  });
  table.bound_count.store(stays ? 1 : 0, std::memory_order_relaxed);
  if (own == nullptr || stays) return;
  unbind_here(own);
  own->text = nullptr;
  own->tid.store(0, std::memory_order_relaxed);
  if (own->foreign && (own->binding.load(std::memory_order_relaxed) & 1) != 0) own->binding.fetch_add(1, std::memory_order_relaxed);
}

Counters counters() noexcept {
  reap_dead();
  Counters c{};
  c.bound = table.bound_count.load(std::memory_order_relaxed);
  c.spare = table.spare_count.load(std::memory_order_relaxed);
  for_each_anywhere([&](const M* m) {
    c.inside += m->inside();
    c.calls_in += m->calls_in.load(std::memory_order_relaxed);
    c.calls_out += m->calls_out.load(std::memory_order_relaxed);
    c.nested += m->nested.load(std::memory_order_relaxed);
    c.stacks_learned += m->stacks_learned.load(std::memory_order_relaxed);
    c.stacks_accepted += m->stacks_accepted.load(std::memory_order_relaxed);
    c.retired += m->retired_calls.load(std::memory_order_relaxed);
  });
  return c;
}

}  // namespace causeway::sched::foreign
