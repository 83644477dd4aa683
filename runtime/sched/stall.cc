// SPDX-License-Identifier: MIT
#include "runtime/sched/stall.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "causeway/abi.h"
#include "runtime/sched/blocked_threads.hpp"
#include "runtime/sched/frames.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

// Objects that say who holds them: an address in the holder's stack, or 0 (causeway/abi.h).
constexpr struct {
  std::string_view what;
  size_t owner;
} kOwned[] = {{"mutex", offsetof(cw_abi_mutex, owner)},
              {"shared mutex", offsetof(cw_abi_shared_mutex, owner)},
              {"shared mutex, shared", offsetof(cw_abi_shared_mutex, owner)},
              {"once", offsetof(cw_abi_once, owner)}};

// The green thread that has `address` on its stack, or null.
const G* owner_of(uintptr_t address) noexcept {
  Scheduler& s = scheduler();
  const uint32_t used = s.arena->used();
  for (uint32_t i = 0; i < used; ++i) {
    const G* g = s.arena->at(i);
    const GState state = g->state.load(std::memory_order_relaxed);
    if (state != GState::Running && state != GState::Runnable && state != GState::Parked) continue;
    if (address >= reinterpret_cast<uintptr_t>(read_racy(g->stack.low)) && address < reinterpret_cast<uintptr_t>(read_racy(g->stack.high)))
      return g;
  }
  return nullptr;
}

// The green thread whose C code has `address` in a frame on a worker's C stack, or null: of those in C there the one that began closest above it.
const G* owner_in_c(uintptr_t address) noexcept {
  Scheduler& s = scheduler();
  const uint32_t workers = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < workers; ++i) {
    const uintptr_t low = s.ms[i]->stack_low, high = s.ms[i]->stack_high;
    if (address < low || address >= high) continue;
    const G* found = nullptr;
    uintptr_t closest = high;
    for (uint32_t k = 0, used = s.arena->used(); k < used; ++k) {
      const G* g = s.arena->at(k);
      const uintptr_t begin = g->out.c_sp;
      if (g->out.place() == 0 || begin <= address || begin >= closest) continue;
      found = g;
      closest = begin;
    }
    return found;
  }
  return nullptr;
}

void append_holder(WaitText& text, const std::byte* field) noexcept {
  uintptr_t owner = 0;
  if (!os::read_memory(&owner, field, sizeof owner) || owner == 0) return;
  text.append(", held by ");
  if (const G* holder = owner_of(owner)) {
    text.append("green thread ");
    append_identity(text, holder);
  } else if (const G* caller = owner_in_c(owner)) {
    text.append("C code that green thread ");
    append_identity(text, caller);
    text.append(" called");
  } else {
    text.append("a thread that is none of the runtime's");
  }
}

void append_holder(WaitText& text, const ReleaseWait* wait) noexcept {
  uint64_t holder = 0;
  static_assert(sizeof holder == sizeof wait->holder);
  if (!os::read_memory(&holder, &wait->holder, sizeof holder) || holder == 0) return;
  if ((holder & 1) != 0) {
    text.append(", held by a thread that is none of the runtime's");
    return;
  }
  const uint64_t id = holder >> 1;
  text.append(", held by green thread ");
  const Arena& arena = *scheduler().arena;
  for (uint32_t i = 0, used = arena.used(); i < used; ++i) {
    if (arena.at(i)->id != id) continue;
    append_identity(text, arena.at(i));
    return;
  }
  text.append_dec(id);
}

}  // namespace

void append_wait(WaitText& text, const char* what, const void* object) noexcept {
  text.append(what);
  if (object == nullptr) return;
  if (what == kJoinWait) {
    // The wait may have ended meanwhile, and `object` be of the next one: only what is a record is read as one.
    const Arena& arena = *scheduler().arena;
    for (uint32_t i = 0, used = arena.used(); i < used; ++i) {
      if (arena.at(i) != object) continue;
      text.append(" ");
      append_identity(text, arena.at(i));
    }
    return;
  }
  if (what == std::string_view(kReleaseWait)) {
    append_holder(text, static_cast<const ReleaseWait*>(object));
    return;
  }
  text.append(" 0x").append_hex(reinterpret_cast<uintptr_t>(object));
  for (const auto& owned : kOwned)
    if (owned.what == what) append_holder(text, static_cast<const std::byte*>(object) + owned.owner);
}

void append_wait(WaitText& text, const G* g) noexcept {
  const char* what = g->waits_for.load(std::memory_order_relaxed);
  append_wait(text, what != nullptr ? what : "something", g->waits_at.load(std::memory_order_relaxed));
}

StallWatch::~StallWatch() { std::free(seen_); }

bool StallWatch::grow(uint32_t want) noexcept {
  if (want <= room_) return true;
  uint32_t room = room_ == 0 ? 1024 : room_;
  while (room < want) room *= 2;
  void* memory = std::realloc(seen_, room * sizeof(Seen));
  if (memory == nullptr) return false;  // the rest goes without a report
  seen_ = static_cast<Seen*>(memory);
  for (uint32_t i = room_; i < room; ++i) ::new (static_cast<void*>(&seen_[i])) Seen;
  room_ = room;
  return true;
}

uint64_t StallWatch::seen_for(const G* g, uint64_t now) const noexcept {
  if (g->index >= room_) return 0;
  const Seen& seen = seen_[g->index];
  const uint64_t ticket = g->parker.claim.open_ticket();
  if (ticket == 0 || ticket != seen.ticket || g->generation.load(std::memory_order_acquire) != seen.generation) return 0;
  return now - seen.since_ns;
}

void StallWatch::look(uint64_t now) noexcept {
  if (!on() || now < next_look_ns_) return;
  next_look_ns_ = now + period_ns();
  Scheduler& s = scheduler();
  const uint32_t used = s.arena->used();
  if (!grow(used)) return;
  for (uint32_t i = 0; i < used; ++i) {
    const G* g = s.arena->at(i);
    Seen& seen = seen_[i];
    const uint32_t generation = g->generation.load(std::memory_order_acquire);
    const uint64_t ticket = g->parker.claim.open_ticket();
    if (ticket == 0) {
      seen.ticket = 0;
      continue;
    }
    if (seen.ticket != ticket || seen.generation != generation) {
      seen = Seen{ticket, now, generation, false};
      continue;
    }
    if (seen.reported || now - seen.since_ns < limit_ns_) continue;
    seen.reported = true;
    WaitText who;
    who.append("green thread ");
    append_identity(who, g);
    who.append(" has waited for ").append_dec((now - seen.since_ns) / 1'000'000).append(" ms: ");
    append_wait(who, g);
    Frames frames;
    parked_frames(g, &frames);
    if (g->parker.claim.open_ticket() != ticket || g->generation.load(std::memory_order_acquire) != generation) continue;  // INV-ST1
    PlaceText places;
    name_frames(frames, places);
    base::TextBuffer<6656> text;
    text.append(who.view());
    if (places.size() != 0) text.append("; in ").append(places.view());
    base::log(base::LogLevel::Warn, text.view());
  }
  BlockedThread::report_stalls(limit_ns_, now);
}

}  // namespace causeway::sched
