// SPDX-License-Identifier: MIT
#include "runtime/sched/long_calls.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/sched/frames.hpp"
#include "runtime/sched/halt.hpp"
#include "runtime/sched/hog.hpp"
#include "runtime/sched/own_signal.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/stall.hpp"

namespace causeway::sched {

namespace {

// The green thread that works on m's thread now, or called out last; null: none.
const G* innermost(const M& m) noexcept {
  const uintptr_t anchor = m.gate.anchor();
  if (anchor == crossing::kIdleAnchor) return nullptr;
  const G* g = anchor != 0 ? green_of(anchor) : read_racy(m.current);
  return g == nullptr || g->is_system ? nullptr : g;
}

// The outermost call in that it runs, or runs below.
const G* outermost_call(const G* g) noexcept {
  const G* found = nullptr;
  for (uint32_t i = 0; g != nullptr && i <= scheduler().options.max_depth; ++i, g = outer_of(g))
    if (read_racy(g->in.active)) found = g;
  return found;
}

bool runs(int tid) noexcept {
  char text[64];
  return scheduler().options.use_proc && os::read_task_file(tid, "/syscall", text, sizeof text) && std::strncmp(text, "running", 7) == 0;
}

// What g does, and where. Managed code that runs tells neither.
void append_doing(base::TextBuffer<512>& text, const G* g, Frames* frames) noexcept {
  frames->n = 0;
  const uintptr_t sp = g->out.place();
  if (sp == 0) {
    text.append("it runs");
    return;
  }
  if (g->waits_for.load(std::memory_order_relaxed) != nullptr && g->state.load(std::memory_order_relaxed) == GState::Parked) {
    WaitText wait;
    append_wait(wait, g);
    text.append("it waits: ").append(wait.view());
  } else {
    text.append("it has called C: ");
    append_function(text, read_racy(g->out.function));
  }
  parked_frames(g, frames);
}

}  // namespace

LongCalls::~LongCalls() { std::free(seen_); }

LongCalls::Seen* LongCalls::seen_of(uint32_t index) noexcept {
  if (index >= room_) {
    uint32_t room = room_ == 0 ? 64 : room_;
    while (room <= index) room *= 2;
    void* memory = std::realloc(seen_, room * sizeof(Seen));
    if (memory == nullptr) return nullptr;  // that thread goes without a report
    seen_ = static_cast<Seen*>(memory);
    for (uint32_t i = room_; i < room; ++i) ::new (static_cast<void*>(&seen_[i])) Seen;
    room_ = room;
  }
  return &seen_[index];
}

void LongCalls::look_at(M& m, Seen& seen, uint64_t now) noexcept {
  const G* g = innermost(m);
  const G* call = outermost_call(g);
  const uint64_t id = call != nullptr ? uint64_t{call->id} : 0;
  if (seen.id != id) {
    seen = Seen{id, now, Seen::kNew};
    return;
  }
  if (id == 0 || seen.state == Seen::kReported || now - seen.since_ns < limit_ns_) return;
  const int tid = m.tid.load(std::memory_order_relaxed);
  base::TextBuffer<512> doing;
  Frames frames;
  append_doing(doing, g, &frames);
  HogState& hog = m.hog;
  if (g->out.place() == 0 && m.foreign) {
    if (seen.state == Seen::kNew) {
      seen.state = Seen::kAsked;
      // release: the last sample was read; pairs with the acquire in sample_hog(). INV-HOG1: collect() looks at workers only.
      hog.sample.store(HogState::kAsked, std::memory_order_release);
      if (runs(tid) && own_signal_ready() && send_own_signal(&m)) return;
    }
    // acquire: pairs with the release at the end of sample_hog().
    if (hog.sample.load(std::memory_order_acquire) == HogState::kTaken && hog.who.id == g->id) frames = hog.frames;
    hog.sample.store(HogState::kNone, std::memory_order_relaxed);
  }
  base::TextBuffer<64> last;
  last.append_dec(g->id);
  base::TextBuffer<192> who;
  append_identity(who, call);
  if (call->id != id || innermost(m) != g) return;  // INV-LC1; the next look tells
  seen.state = Seen::kReported;
  base::TextBuffer<7168> text;
  text.append("the call in of green thread ").append(who.view()).append(" on thread ").append_dec(static_cast<uint64_t>(tid));
  text.append(" has lasted for ").append_dec((now - seen.since_ns) / 1'000'000).append(" ms; ");
  if (g != call) text.append("of green thread ").append(last.view()).append(" below it: ");
  text.append(doing.view());
  PlaceText places;
  if (frames.n != 0) name_frames(frames, places);
  if (places.size() != 0) text.append("; in ").append(places.view());
  base::log(base::LogLevel::Warn, text.view());
}

void LongCalls::look(uint64_t now) noexcept {
  if (!on() || now < next_look_ns_) return;
  next_look_ns_ = now + period_ns();
  Scheduler& s = scheduler();
  const uint32_t workers = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < workers; ++i)
    if (Seen* seen = seen_of(i); seen != nullptr && !s.ms[i]->ended.load(std::memory_order_acquire)) look_at(*s.ms[i], *seen, now);
  for (uint32_t i = 0; i < foreign::count(); ++i)
    if (Seen* seen = seen_of(s.options.max_threads + i)) look_at(*foreign::by_id(i), *seen, now);
}

}  // namespace causeway::sched
