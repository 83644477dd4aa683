// SPDX-License-Identifier: MIT
#include "runtime/sched/posts.hpp"

#include "runtime/sched/post_ring.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/spawn.hpp"

namespace causeway::sched {

namespace {

constexpr uint32_t kTakeAtOnce = 64;

struct Posts {
  PostRing<> ring;
  PostRing<>::Cell* cells = nullptr;  // null: not started
  size_t bytes = 0;
  std::atomic<uint64_t> dropped{0};
  std::atomic<bool> blocked{false};  // relaxed: a hint, the monitor clears it
};
constinit Posts posts;

}  // namespace

cw_status post(cw_fn fn, void* arg) noexcept {
  const ForeignCall call;
  const Phase now = phase();
  if (now != Phase::Running) return call.ok() ? CW_E_STOPPED : now == Phase::Forked ? CW_E_FORKED : CW_E_NOT_READY;
  if (!posts.ring.push(Post{fn, arg})) {
    posts.dropped.fetch_add(1, std::memory_order_relaxed);
    return CW_E_FULL;
  }
  // A caller may be a handler on top of anything, so nobody is woken by way of a lock.
  if (scheduler().idle.should_wake()) wake_any_async();
  return CW_OK;
}

bool take_posts(P* p) noexcept {
  if (posts.ring.empty()) return false;
  // Not more than the queue holds: what overflows goes to the global one, and later posts would overtake it.
  const uint32_t room = kRunQueueCapacity - p->queue.size();
  uint32_t taken = 0;
  for (; taken < kTakeAtOnce && taken + 1 < room; ++taken) {
    const SpawnAnswer answer = spawn_post(p, [](Post* out) noexcept { return posts.ring.take(out); });
    if (answer == SpawnAnswer::Nothing) break;
    if (answer == SpawnAnswer::NoRoom) {
      posts.blocked.store(true, std::memory_order_relaxed);
      break;
    }
  }
  return taken != 0;
}

bool posts_wait() noexcept { return !posts.ring.empty() && !posts.blocked.load(std::memory_order_relaxed); }

void retry_posts() noexcept {
  if (posts.blocked.load(std::memory_order_relaxed)) posts.blocked.store(false, std::memory_order_relaxed);
}

bool no_posts() noexcept { return posts.ring.empty(); }

uint64_t waiting_posts() noexcept { return posts.ring.size(); }

base::Result<void> start_posts(uint32_t capacity) noexcept {
  uint32_t count = 1;
  while (count < capacity) count *= 2;
  posts.bytes = (count * sizeof(PostRing<>::Cell) + os::page_size() - 1) & ~(os::page_size() - 1);
  posts.cells = static_cast<PostRing<>::Cell*>(os::map_reserve(posts.bytes));
  if (posts.cells == nullptr) return base::fail(CW_E_NOMEM, "no memory for the ring of posts; lower option post_capacity");
  posts.ring.start(posts.cells, count, capacity);
  posts.dropped.store(0, std::memory_order_relaxed);
  posts.blocked.store(false, std::memory_order_relaxed);
  return {};
}

void stop_posts() noexcept {
  if (posts.cells == nullptr) return;
  posts.ring.start(nullptr, 1, 0);
  os::unmap(posts.cells, posts.bytes);
  posts.cells = nullptr;
}

uint64_t posts_dropped() noexcept { return posts.dropped.load(std::memory_order_relaxed); }

}  // namespace causeway::sched
