// SPDX-License-Identifier: MIT
#include "bridge/closure/owner.hpp"

#include <cstring>
#include <new>

#include "bridge/closure/closure.hpp"
#include "bridge/closure/lifetime.hpp"

namespace causeway::closure {

struct Owner {
  char name[32] = "";
  // --- guarded by lock ---
  base::IntrusiveList<Slot, &Slot::owned> slots;
  bool closed = false;
  bool released = false;
};

namespace {

constinit base::Lock lock{base::LockRank::Object};
CW_STATIC_LOCK(lock);

}  // namespace

Owner* make_owner(const char* name) noexcept {
  auto* owner = new (std::nothrow) Owner;
  if (owner != nullptr && name != nullptr) std::strncpy(owner->name, name, sizeof owner->name - 1);
  return owner;
}

const char* name_of(const Owner* owner) noexcept { return owner->name; }

bool is_closed(const Owner* owner) noexcept {
  base::LockGuard guard(lock);
  return owner->closed;
}

bool join_owner(Owner* owner, Slot* slot) noexcept {
  base::LockGuard guard(lock);
  if (owner->closed) return false;
  slot->owner = owner;
  owner->slots.push_back(slot);
  open(slot);
  return true;
}

void leave_owner(Slot* slot) noexcept {
  if (slot->owner == nullptr) return;  // set before the slot is anybody's, and by its end
  Owner* over = nullptr;
  {
    base::LockGuard guard(lock);
    Owner* owner = slot->owner;
    owner->slots.remove(slot);
    slot->owner = nullptr;
    if (owner->released && owner->slots.empty()) over = owner;
  }
  delete over;
}

bool inside(const Owner* owner) noexcept {
  base::LockGuard guard(lock);
  for (const Slot* slot = owner->slots.front(); slot != nullptr; slot = owner->slots.next(slot))
    if (sched::callees::inside(slot)) return true;
  return false;
}

void close_owner(Owner* owner) noexcept {
  base::LockGuard guard(lock);
  owner->closed = true;
  for (Slot* slot = owner->slots.front(); slot != nullptr; slot = owner->slots.next(slot)) close(slot);
}

cw_status wait_owner(Owner* owner, uint64_t timeout_ns, bool cancellable) noexcept {
  const auto look = [owner] {
    uint32_t calls = 0;
    base::LockGuard guard(lock);
    for (Slot* slot = owner->slots.front(); slot != nullptr; slot = owner->slots.next(slot)) calls += sched::callees::watch(slot);
    return calls;
  };
  return wait_until_idle(look, owner, timeout_ns, cancellable, nullptr);
}

void release_owner(Owner* owner, void (*forget)(uint64_t number) noexcept) noexcept {
  for (;;) {
    uint64_t number = 0;  // taken while the slot cannot become another callback's
    {
      base::LockGuard guard(lock);
      for (Slot* each = owner->slots.front(); number == 0 && each != nullptr; each = owner->slots.next(each))
        if (each->kind == SlotKind::Stub) number = each->number.exchange(0, std::memory_order_relaxed);
    }
    if (number == 0) break;
    forget(number);
  }
  bool over = false;
  {
    base::LockGuard guard(lock);
    owner->released = true;
    over = owner->slots.empty();
  }
  if (over) delete owner;
}

void append_running(base::TextBuffer<480>& text, const Owner* owner, const Slot* slot) noexcept {
  struct Look {
    base::TextBuffer<480>& text;
    const Owner* owner;
    const Slot* slot;
    bool first = true;
  } all{text, owner, slot};
  // A late call that is just being refused is in the list too, and its callback may be at its end: that changes Slot::owner under this lock.
  base::LockGuard guard(lock);
  sched::callees::for_each_running(
      [](const sched::G* g, const crossing::Callee* callee, void* arg) {
        Look& look = *static_cast<Look*>(arg);
        const auto* each = static_cast<const Slot*>(callee);
        if (each != look.slot && (look.owner == nullptr || each->owner != look.owner)) return;
        if (!look.first) look.text.append(", ");
        look.first = false;
        sched::append_identity(look.text, g);
      },
      &all);
}

}  // namespace causeway::closure
