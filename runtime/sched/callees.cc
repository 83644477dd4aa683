// SPDX-License-Identifier: MIT
#include "runtime/sched/callees.hpp"

#include <cstdlib>
#include <new>

#include "runtime/sched/border.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/spawn.hpp"

namespace causeway::sched::callees {

namespace {

// In the payload, which green threads of calls in have no other use for.
struct Node {
  G* next = nullptr;
  G* before = nullptr;
  // Of a call in that was skipped: the callback that it was in, and whether that was closed since. Guarded by the list's lock.
  crossing::Callee* skipped = nullptr;
  bool gone = false;
};
static_assert(sizeof(Node) <= G::kPayload);
Node& node(G* g) noexcept { return *std::launder(reinterpret_cast<Node*>(g->payload)); }

struct List {
  base::Lock lock{base::LockRank::Task};
  G* first = nullptr;  // guarded by lock
};
constinit List list;
CW_STATIC_LOCK(list.lock);
constinit std::atomic<uint64_t> marks_made{0};  // written under the list's lock
constinit std::atomic<EndHook> end_hook{nullptr};

void run_hook() noexcept {
  if (const EndHook hook = end_hook.load(std::memory_order_acquire)) hook();
}

}  // namespace

// One plain call. Guarded by the list's lock: what a call adds there before it reads the callback's state is seen by who stored that before it looks.
struct PlainCall {
  G* g;
  const crossing::Callee* callee;
  uintptr_t at;  // its frame: lower ones on that stack are inside it
  PlainCall* next;
  bool watched = false;
  bool skipped = false, gone = false;  // as of Node
};

namespace {

constinit PlainCall* plain = nullptr;

// Takes those that `which` picks out of the list. True: somebody waits for one of them. The lock is held.
template <class Which>
bool take_plain(PlainCall** taken, Which which) noexcept {
  bool told = false;
  for (PlainCall** at = &plain; *at != nullptr;) {
    PlainCall* each = *at;
    if (!which(*each)) {
      at = &each->next;
      continue;
    }
    *at = each->next;
    each->next = *taken;
    *taken = each;
    told |= each->watched;
  }
  return told;
}

template <class Which>
bool end_plain(Which which) noexcept {
  PlainCall* taken = nullptr;
  bool told = false;
  {
    base::LockGuard guard(list.lock);
    told = take_plain(&taken, which);
  }
  while (taken != nullptr) {
    PlainCall* next = taken->next;
    free(taken);
    taken = next;
  }
  return told;
}

// In progress; the lock is held.
template <class Visit>
void for_each_plain(Visit visit) noexcept {
  for (PlainCall* each = plain; each != nullptr; each = each->next)
    if (!Arena::of(each->g).lost()) visit(*each);
}

}  // namespace

PlainScope::PlainScope(G* g, const crossing::Callee* callee) noexcept : noted_(static_cast<PlainCall*>(malloc(sizeof(PlainCall)))) {
  if (noted_ == nullptr) return;
  const uintptr_t at = frame_here();  // not `this`, which AddressSanitizer may have put elsewhere
  const bool told = end_plain([=](const PlainCall& each) { return each.g == g && each.at <= at; });  // C code has jumped over them
  {
    base::LockGuard guard(list.lock);
    plain = ::new (static_cast<void*>(noted_)) PlainCall{g, callee, at, plain};
  }
  if (told) run_hook();
}

PlainScope::~PlainScope() {
  if (noted_ == nullptr) return;
  if (end_plain([this](const PlainCall& each) { return &each == noted_; })) run_hook();
}

bool plain_over(G* g) noexcept {
  return end_plain([g](const PlainCall& each) { return each.g == g; });
}

void add(G* g) noexcept {
  base::LockGuard guard(list.lock);
  ::new (static_cast<void*>(g->payload)) Node{list.first, nullptr};
  if (list.first != nullptr) node(list.first).before = g;
  list.first = g;
}

void remove(G* g) noexcept {
  base::LockGuard guard(list.lock);
  const Node& at = node(g);
  (at.before != nullptr ? node(at.before).next : list.first) = at.next;
  if (at.next != nullptr) node(at.next).before = at.before;
}

uint32_t watch(const crossing::Callee* callee) noexcept {
  uint32_t calls = 0;
  uint64_t marked = 0;
  base::LockGuard guard(list.lock);
  for (G* g = list.first; g != nullptr; g = node(g).next) {
    if (node(g).skipped == callee) node(g).gone = true;
    if (!crossing::is_in(g->in, callee) || Arena::of(g).lost()) continue;
    ++calls;
    if (crossing::mark_watched(g->in)) ++marked;
  }
  for_each_plain([&](PlainCall& each) {
    if (each.callee != callee) return;
    if (each.skipped) {
      each.gone = true;
      return;
    }
    ++calls;
    if (!each.watched) ++marked;
    each.watched = true;
  });
  // release: the marks; pairs with the acquire in marks(), whose caller's heavy() comes after it.
  if (marked != 0) marks_made.fetch_add(marked, std::memory_order_release);
  return calls;
}

uint64_t marks() noexcept { return marks_made.load(std::memory_order_acquire); }

void for_each_running(void (*visit)(const G* g, const crossing::Callee* callee, void* arg), void* arg) noexcept {
  base::LockGuard guard(list.lock);
  for (G* g = list.first; g != nullptr; g = node(g).next) {
    // acquire: as in watch().
    if (const crossing::Callee* callee = base::asym::load_after_heavy(g->in.callee); callee != nullptr && !Arena::of(g).lost())
      visit(g, callee, arg);
  }
  for_each_plain([&](const PlainCall& each) {
    if (!each.skipped) visit(each.g, each.callee, arg);
  });
}

const G* caller() noexcept {
  const os::ThreadWords* words = os::thread_words();
  if (words->m != nullptr) return current_green();
  const M* m = foreign::bound_m(*words);
  // What an anchor names without a call in may be of a runtime that has ended.
  if (m == nullptr || (m->foreign && m->inside() == 0)) return nullptr;
  const uintptr_t anchor = m->gate.own_anchor();
  return anchor > crossing::kIdleAnchor ? green_of(anchor) : nullptr;
}

bool inside(const crossing::Callee* callee) noexcept {
  const G* here = caller();
  for (const G* g = here; g != nullptr; g = outer_of(g))
    if (g->in.callee.load(std::memory_order_relaxed) == callee) return true;  // relaxed: this thread's, or of one that waits for it
  bool found = false;
  base::LockGuard guard(list.lock);
  for_each_plain([&](const PlainCall& each) {
    if (each.callee != callee || each.skipped) return;
    for (const G* g = here; g != nullptr; g = outer_of(g)) found |= g == each.g;
  });
  return found;
}

void end_jumped_out() noexcept {
  const G* here = caller();
  if (here == nullptr || !here->in.is(crossing::Inbound::kPlain)) return;
  // What C code has jumped out of is lower than where its green thread is now, on its own stack or on the way to C.
  const uintptr_t frame = frame_here();
  const auto is_over = [here, frame](const PlainCall& each) {
    if (each.g != here || each.skipped) return false;
    if (here->out.in_c()) return each.at < here->out.place();
    return each.at < frame && frame < reinterpret_cast<uintptr_t>(here->stack.high);
  };
  if (end_plain(is_over)) run_hook();
}

void forget() noexcept {
  list.first = nullptr;
  plain = nullptr;
}

bool skip(G* g) noexcept {
  bool told = false;
  {
    base::LockGuard guard(list.lock);
    node(g).skipped = g->in.callee.load(std::memory_order_relaxed);
    node(g).gone = false;
    for_each_plain([&](PlainCall& each) {
      if (each.g != g) return;
      each.skipped = true;
      told |= each.watched;
    });
  }
  return left(g) || told;
}

bool come_back(G* g) noexcept {
  base::LockGuard guard(list.lock);
  bool gone = node(g).gone;
  for_each_plain([&](const PlainCall& each) { gone |= each.g == g && each.gone; });
  if (gone) return false;
  // Before we let go of the lock: who has closed it since finds it here, or has found it skipped.
  g->in.callee.store(node(g).skipped, std::memory_order_relaxed);
  node(g).skipped = nullptr;
  for_each_plain([&](PlainCall& each) {
    if (each.g == g) each.skipped = false;
  });
  return true;
}

void set_end_hook(EndHook hook) noexcept { end_hook.store(hook, std::memory_order_release); }

CW_NOINLINE void tell_end() noexcept { run_hook(); }

}  // namespace causeway::sched::callees
