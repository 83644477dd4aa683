// SPDX-License-Identifier: MIT
//
// Making, closing and ending callbacks.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "bridge/closure/closure.hpp"
#include "bridge/closure/dead.hpp"
#include "bridge/closure/lifetime.hpp"
#include "bridge/closure/owner.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sync/sync.hpp"

#if CW_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace causeway::closure {

namespace {

constexpr const char* kOwnerClosed = "the callback's owner is closed";
constexpr uint32_t kPending = 64;  // so many closed callbacks share one heavy fence

struct Process {
  base::Lock lock{base::LockRank::Object};
  // --- guarded by lock ---
  Slot* pending = nullptr;  // released, and maybe in use
  uint32_t pending_count = 0;
  void* waiting = nullptr;  // who waits in wait()
  uint64_t ends = 0;        // calls that were watched and have ended
};
constinit Process process;
CW_STATIC_LOCK(process.lock);
constinit std::atomic<uint64_t> live{0}, numbers{0};

void set_name(Slot* slot, const char* name) noexcept {
  constexpr size_t kRoom = std::size(decltype(crossing::Callee::name){});
  size_t n = 0;
  if (name != nullptr)
    for (; n + 1 < kRoom && name[n] != '\0'; ++n) slot->name[n].store(name[n], std::memory_order_relaxed);
  slot->name[n].store('\0', std::memory_order_relaxed);
}

void set_owner_name(Slot* slot, const Owner* owner) noexcept {
  std::strncpy(slot->owner_name, owner != nullptr ? name_of(owner) : "", sizeof slot->owner_name - 1);
}

void drop_fallback(Slot* slot) noexcept {
  if (slot->has_fallback && slot->result_size > sizeof slot->fallback.small) std::free(slot->fallback.big);
  slot->has_fallback = false;
}

bool is_big(const Spec& spec) noexcept { return spec.fallback != nullptr && spec.type->result_size > sizeof Slot::fallback.small; }

// big: memory for it, if it is.
void set_fallback(Slot* slot, const Spec& spec, std::byte* big) noexcept {
  const size_t bytes = spec.type->result_size;
  if (spec.fallback == nullptr || bytes == 0) return;
  std::byte* to = slot->fallback.small;
  if (big != nullptr) {
    to = slot->fallback.big = big;
#if CW_ASAN
    __lsan_ignore_object(to);  // a dead record keeps it for late calls, in a mapping where LeakSanitizer does not look
#endif
  }
  std::memcpy(to, spec.fallback, bytes);
  slot->has_fallback = true;
}

// Nobody holds or runs it.
void end(Slot* slot) noexcept {
  leave_owner(slot);
  if (slot->type->destroy != nullptr) slot->type->destroy(slot->closure);
  give_back_slot(slot);
}

void push_pending_locked(Slot* slot) noexcept {
  slot->next = process.pending;
  process.pending = slot;
  ++process.pending_count;
}

// A call that was watched has ended.
void on_end() noexcept {
  bool some = false;
  {
    const sched::WaitScope scope;
    sync::WokenList woken;
    process.lock.lock();
    ++process.ends;
    while (sched::Waiter* waiter = sync::WaitQueue(process.waiting).pop_claimed()) woken.add(*waiter);
    some = process.pending != nullptr;
    process.lock.unlock();
    woken.ready_all();
  }
  if (some) settle();
}

}  // namespace

base::Result<Slot*> create(const Spec& spec) noexcept {
  sched::callees::set_end_hook(&on_end);
  const SlotKind kind = spec.type->thunk != nullptr ? SlotKind::Stub : SlotKind::Data;
  // All that may refuse comes first: the slot may be that of a closed callback, whose late calls get zero from then on. But for an owner that is closed
  // just now.
  if (spec.owner != nullptr && is_closed(spec.owner)) return base::fail(CW_E_CLOSED, kOwnerClosed);
  std::byte* big = nullptr;
  if (is_big(spec) && (big = static_cast<std::byte*>(std::malloc(spec.type->result_size))) == nullptr)
    return base::fail(CW_E_NOMEM, "no memory for a callback's fallback");
  const auto taken = take_slot(kind, spec.type->signature);
  if (!taken) {
    std::free(big);
    return taken.error();
  }
  Slot* slot = *taken;
  drop_fallback(slot);
  slot->type = spec.type;
  slot->signature = spec.type->signature;
  slot->result_size = spec.type->result_size;
  slot->closure = spec.closure;
  slot->dead_calls.store(0, std::memory_order_relaxed);
  set_name(slot, spec.name);
  set_owner_name(slot, spec.owner);
  set_fallback(slot, spec, big);
  if (kind == SlotKind::Stub) {
    slot->words[0] = spec.words[0];
    slot->words[1] = spec.words[1];
    slot->thunk = spec.type->thunk;
  } else {
    // An index, and 40 bits that no other data had: a counter, mixed so that small numbers and neighbours do not pass. Never 0.
    const uint64_t nth = (numbers.fetch_add(1, std::memory_order_relaxed) + 1) * 0x9e3779b97f4a7c15ULL | 1;
    slot->number.store(nth << 24 | slot->index, std::memory_order_relaxed);  // relaxed: state publishes it
  }
  live.fetch_add(1, std::memory_order_relaxed);
  if (spec.owner == nullptr) {
    open(slot);
  } else if (!join_owner(spec.owner, slot)) {
    live.fetch_sub(1, std::memory_order_relaxed);
    divert(slot);
    give_back_slot(slot);
    return base::fail(CW_E_CLOSED, kOwnerClosed);
  }
  return slot;
}

void open(Slot* slot) noexcept {
  slot->state.store(state_of(slot->type) | crossing::Callee::kFresh, std::memory_order_release);  // pairs with the acquire of a call in
}

uint64_t watched_ends() noexcept {
  base::LockGuard guard(process.lock);
  return process.ends;
}

cw_status wait_for_end(uint64_t ends, const void* object, uint64_t deadline_ns, bool cancellable, sched::StopPoint* stop) noexcept {
  sched::WaitScope scope;
  if (scope.async()) return scope.refusal();
  process.lock.lock();
  if (process.ends != ends) {
    process.lock.unlock();
    return CW_OK;
  }
  sched::Waiter waiter;
  scope.prepare(
      waiter,
      {.deadline_ns = deadline_ns, .cancellable = cancellable, .what = "the end of a callback's calls", .stop = stop, .object = object});
  sync::WaitQueue(process.waiting).push_back(waiter);
  const sched::WaitEnd end = scope.park_and_unlock(process.lock);
  if (end == sched::WaitEnd::Woken) return CW_OK;
  process.lock.lock();
  if (waiter.linked) sync::WaitQueue(process.waiting).remove(waiter);
  process.lock.unlock();
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

void forget_in_child() noexcept { process.waiting = nullptr; }

bool close(Slot* slot) noexcept {
  if (!crossing::close_state(slot->state)) return false;
  live.fetch_sub(1, std::memory_order_relaxed);
  divert(slot);
  return true;
}

cw_status wait(Slot* slot, uint64_t timeout_ns, bool cancellable, sched::StopPoint* stop) noexcept {
  if (crossing::never_called(slot->state)) return CW_OK;
  return wait_until_idle([slot] { return sched::callees::watch(slot); }, slot, timeout_ns, cancellable, stop);
}

void release_idle(Slot* slot) noexcept { end(slot); }

void release(Slot* slot) noexcept {
  close(slot);
  if (crossing::never_called(slot->state)) {
    end(slot);
    return;
  }
  bool many = false;
  {
    base::LockGuard guard(process.lock);
    push_pending_locked(slot);
    many = process.pending_count >= kPending;
  }
  if (many || sched::callees::inside(slot)) settle();
}

void settle() noexcept {
  struct Host {
    static Slot* take_pending(uint64_t& ends) noexcept {
      base::LockGuard guard(process.lock);
      ends = process.ends;
      process.pending_count = 0;
      return std::exchange(process.pending, nullptr);
    }
    static uint64_t put_back(Slot* list) noexcept {
      base::LockGuard guard(process.lock);
      while (list != nullptr) {
        Slot* slot = list;
        list = slot->next;
        push_pending_locked(slot);
      }
      return process.ends;
    }
    static uint64_t marks() noexcept { return sched::callees::marks(); }
    static uint32_t watch(Slot* slot) noexcept { return sched::callees::watch(slot); }
    static void end(Slot* slot) noexcept { closure::end(slot); }
  } host;
  settle_pending<base::RealAtomics>(host);
}

Counters counters() noexcept { return {live.load(std::memory_order_relaxed), dead_called()}; }

}  // namespace causeway::closure
