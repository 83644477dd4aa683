// SPDX-License-Identifier: MIT
#include "runtime/sched/callees.hpp"

#include <new>

#include "runtime/sched/foreign.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/spawn.hpp"

namespace causeway::sched::callees {

namespace {

// In the payload, which green threads of calls in have no other use for.
struct Node {
  G* next = nullptr;
  G* before = nullptr;
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

// The plain calls, guarded by the list's lock: what a call adds there before it reads the callback's state is seen by who stored that before it looks.
struct PlainCalls {
  PlainScope* first = nullptr;

  void add(PlainScope* scope) noexcept {
    scope->next_ = first;
    if (first != nullptr) first->before_ = scope;
    first = scope;
  }
  void remove(const PlainScope* scope) noexcept {
    (scope->before_ != nullptr ? scope->before_->next_ : first) = scope->next_;
    if (scope->next_ != nullptr) scope->next_->before_ = scope->before_;
  }
  template <class Visit>
  void for_each(Visit visit) const noexcept {
    for (PlainScope* scope = first; scope != nullptr; scope = scope->next_) visit(*scope, scope->g_, scope->callee_);
  }
  static bool mark(PlainScope& scope) noexcept {
    const bool before = scope.watched_;
    scope.watched_ = true;
    return !before;
  }
};

namespace {
constinit PlainCalls plain;
}  // namespace

PlainScope::PlainScope(G* g, const crossing::Callee* callee) noexcept : g_(g), callee_(callee) {
  base::LockGuard guard(list.lock);
  plain.add(this);
}

PlainScope::~PlainScope() {
  bool told = false;
  {
    base::LockGuard guard(list.lock);
    plain.remove(this);
    told = watched_;
  }
  if (told) run_hook();
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
    // acquire: what a call that is over did; pairs with the release that took the callee back. INV-CA1
    if (base::asym::load_after_heavy(g->in.callee) != callee || Arena::of(g).lost()) continue;
    ++calls;
    // seq_cst: before the caller's next look at the callee. INV-CA2
    if ((g->in.rare.fetch_or(crossing::Inbound::kWatched, std::memory_order_seq_cst) & crossing::Inbound::kWatched) == 0) ++marked;
  }
  plain.for_each([&](PlainScope& scope, const G* g, const crossing::Callee* each) {
    if (each != callee || Arena::of(g).lost()) return;
    ++calls;
    marked += PlainCalls::mark(scope) ? 1 : 0;
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
  plain.for_each([&](PlainScope&, const G* g, const crossing::Callee* callee) { visit(g, callee, arg); });
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
  plain.for_each([&](PlainScope&, const G* caller, const crossing::Callee* each) {
    if (each != callee) return;
    for (const G* g = here; g != nullptr; g = outer_of(g)) found |= g == caller;
  });
  return found;
}

void forget() noexcept {
  list.first = nullptr;
  plain.first = nullptr;
}

void set_end_hook(EndHook hook) noexcept { end_hook.store(hook, std::memory_order_release); }

CW_NOINLINE void tell_end() noexcept { run_hook(); }

}  // namespace causeway::sched::callees
