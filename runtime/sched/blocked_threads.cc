// SPDX-License-Identifier: MIT
#include "runtime/sched/blocked_threads.hpp"

#include "runtime/sched/fork.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/stall.hpp"

namespace causeway::sched {

struct BlockedThreads {
  base::Lock lock{base::LockRank::Log};
  base::IntrusiveList<BlockedThread, &BlockedThread::link_> list;
  std::atomic<uint64_t> changes{0};  // written under the lock
};

namespace {

constinit BlockedThreads blocked;  // trivially destructible as far as it matters: no thread touches it in exit()
CW_STATIC_LOCK(blocked.lock);

void count_change() noexcept {
  // release: pairs with changes(): whoever sees the same number twice saw one list.
  blocked.changes.store(blocked.changes.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace

BlockedThread::BlockedThread(const Wait& wait, const std::atomic<uint32_t>& woken) noexcept
    : wait_(wait), tid_(os::thread_id()), woken_(woken), since_ns_(os::now_ns()) {
  bool running = false, stalls = false;
  {
    const ForeignCall call;  // the options of a runtime that is there: a stop and a start may come at any time
    running = call.ok();
    stalls = running && scheduler().options.stall_ns != 0;
  }
  if (stalls) [[unlikely]]
    thread_frames(&frames_);
  {
    base::LockGuard guard(blocked.lock);
    blocked.list.push_back(this);
    count_change();
  }
  if (running && (wait.for_ever || stalls)) monitor_wake();  // it may be the last that could have woken somebody
}

BlockedThread::~BlockedThread() {
  base::LockGuard guard(blocked.lock);
  blocked.list.remove(this);
  count_change();
}

void forget_blocked_threads() noexcept {
  while (blocked.list.pop_front() != nullptr) {}
}

uint64_t BlockedThread::changes() noexcept { return blocked.changes.load(std::memory_order_acquire); }

bool BlockedThread::sleeps_for_ever(int tid, uintptr_t* word) noexcept {
  base::LockGuard guard(blocked.lock);
  // The last entry of a thread is where it sleeps: a handler that interrupted one wait may be in another.
  const BlockedThread* last = nullptr;
  for (BlockedThread* t = blocked.list.front(); t != nullptr; t = blocked.list.next(t))
    if (t->tid_ == tid) last = t;
  if (last == nullptr) return false;
  *word = reinterpret_cast<uintptr_t>(&last->woken_);
  return last->wait_.for_ever && last->woken_.load(std::memory_order_acquire) == 0;  // acquire: pairs with ready()
}

void BlockedThread::print(uint32_t most) noexcept {
  base::LockGuard guard(blocked.lock);
  uint32_t printed = 0;
  uint64_t left_out = 0;
  for (BlockedThread* t = blocked.list.front(); t != nullptr; t = blocked.list.next(t)) {
    if (printed == most) {
      ++left_out;
      continue;
    }
    ++printed;
    WaitText line;
    line.append("  thread ").append_dec(static_cast<uint64_t>(t->tid_)).append(": waits for ");
    append_wait(line, t->wait_.what, t->wait_.object);
    line.append(", for ").append_dec((os::now_ns() - t->since_ns_) / 1'000'000).append(" ms\n");
    base::raw_write(line.view());
  }
  if (left_out == 0) return;
  base::TextBuffer<64> rest;
  base::raw_write(rest.append("  and ").append_dec(left_out).append(" more threads\n").view());
}

void BlockedThread::report_stalls(uint64_t limit_ns, uint64_t now) noexcept {
  for (;;) {
    WaitText who;
    Frames frames;
    bool any = false;
    {
      base::LockGuard guard(blocked.lock);
      for (BlockedThread* t = blocked.list.front(); t != nullptr && !any; t = blocked.list.next(t)) {
        if (t->reported_ || t->since_ns_ + limit_ns > now || t->woken_.load(std::memory_order_relaxed) != 0) continue;
        any = t->reported_ = true;
        frames = t->frames_;
        who.append("thread ").append_dec(static_cast<uint64_t>(t->tid_)).append(" has waited for ");
        who.append_dec((now - t->since_ns_) / 1'000'000).append(" ms: ");
        append_wait(who, t->wait_.what, t->wait_.object);
      }
    }
    if (!any) return;
    base::TextBuffer<6656> text;
    text.append(who.view());
    PlaceText places;
    name_frames(frames, places);
    if (places.size() != 0) text.append("; in ").append(places.view());
    base::log(base::LogLevel::Warn, text.view());
  }
}

}  // namespace causeway::sched
