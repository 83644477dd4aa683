// SPDX-License-Identifier: MIT
//
// The meeting points behind one face, so that each test runs over all of them: prepare, wait in any form, see that somebody waits, wake.
//
// A point is made anew for each wait. prepare() and wake() are called by the waking party (who holds the mutex, say), wait() by the other.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stop_token>

#include "runtime/sync/sync.hpp"
#include "tests/cpp/sync/party.hpp"

namespace sync_test {

// The forms of a wait. Each point's wait(form, arguments...) answers true when the wait succeeded.
struct Plain {};
struct Stop {
  std::stop_token token;
};
struct For {};
struct Until {};

inline size_t waiting_in(const causeway::channel<int>& channel) {
  return reinterpret_cast<causeway::sync::Channel*>(causeway::detail::channel_access::get(channel))->waiting();
}

template <bool Manual>
struct EventPoint {
  static constexpr const char* kName = Manual ? "event, manual" : "event";
  causeway::event event = Manual ? causeway::event{causeway::manual_reset} : causeway::event{};
  void prepare() {}
  void wake() { event.set(); }
  size_t waiting() { return causeway::sync::event_waiting(inner<cw_abi_event>(event)); }
  bool wait(Plain) { return event.wait(), true; }
  bool wait(const Stop& stop) { return event.wait(stop.token); }
  bool wait(For, auto... limits) { return event.wait_for(limits...); }
  bool wait(Until, auto... limits) { return event.wait_until(limits...); }
};

struct WaitGroupPoint {
  static constexpr const char* kName = "wait group";
  causeway::wait_group group;
  void prepare() { group.add(); }
  void wake() { group.done(); }
  size_t waiting() { return std::atomic_ref(inner<cw_abi_wait_group>(group).word).load() >> 32; }
  bool wait(Plain) { return group.wait(), true; }
  bool wait(const Stop& stop) { return group.wait(stop.token); }
  bool wait(For, auto... limits) { return group.wait_for(limits...); }
  bool wait(Until, auto... limits) { return group.wait_until(limits...); }
};

struct MutexPoint {
  static constexpr const char* kName = "mutex";
  causeway::mutex mutex;
  void prepare() { mutex.lock(); }
  void wake() { mutex.unlock(); }
  size_t waiting() { return std::atomic_ref(inner<cw_abi_mutex>(mutex).word).load() & CW_ABI_MUTEX_WAITERS; }
  bool had(bool locked) {
    if (locked) mutex.unlock();
    return locked;
  }
  bool wait(Plain) { return mutex.lock(), had(true); }
  bool wait(const Stop& stop) { return had(mutex.lock(stop.token)); }
  bool wait(For, auto... limits) { return had(mutex.try_lock_for(limits...)); }
  bool wait(Until, auto... limits) { return had(mutex.try_lock_until(limits...)); }
};

// Waits for it alone; Held: how the other party has it.
template <bool HeldShared>
struct SharedMutexAlonePoint {
  static constexpr const char* kName = HeldShared ? "shared mutex, alone after readers" : "shared mutex, alone";
  causeway::shared_mutex mutex;
  void prepare() { HeldShared ? mutex.lock_shared() : mutex.lock(); }
  void wake() { HeldShared ? mutex.unlock_shared() : mutex.unlock(); }
  size_t waiting() { return causeway::sync::shared_mutex_waiting(inner<cw_abi_shared_mutex>(mutex)); }
  bool had(bool locked) {
    if (locked) mutex.unlock();
    return locked;
  }
  bool wait(Plain) { return mutex.lock(), had(true); }
  bool wait(const Stop& stop) { return had(mutex.lock(stop.token)); }
  bool wait(For, auto... limits) { return had(mutex.try_lock_for(limits...)); }
  bool wait(Until, auto... limits) { return had(mutex.try_lock_until(limits...)); }
};

struct SharedMutexSharedPoint {
  static constexpr const char* kName = "shared mutex, shared";
  causeway::shared_mutex mutex;
  void prepare() { mutex.lock(); }
  void wake() { mutex.unlock(); }
  size_t waiting() { return causeway::sync::shared_mutex_waiting(inner<cw_abi_shared_mutex>(mutex)); }
  bool had(bool locked) {
    if (locked) mutex.unlock_shared();
    return locked;
  }
  bool wait(Plain) { return mutex.lock_shared(), had(true); }
  bool wait(const Stop& stop) { return had(mutex.lock_shared(stop.token)); }
  bool wait(For, auto... limits) { return had(mutex.try_lock_shared_for(limits...)); }
  bool wait(Until, auto... limits) { return had(mutex.try_lock_shared_until(limits...)); }
};

struct SemaphorePoint {
  static constexpr const char* kName = "semaphore";
  causeway::semaphore semaphore{0};
  void prepare() {}
  void wake() { semaphore.release(); }
  size_t waiting() { return causeway::sync::semaphore_waiting(inner<cw_abi_semaphore>(semaphore)); }
  bool wait(Plain) { return semaphore.acquire(), true; }
  bool wait(const Stop& stop) { return semaphore.acquire(stop.token); }
  bool wait(For, auto... limits) { return semaphore.try_acquire_for(limits...); }
  bool wait(Until, auto... limits) { return semaphore.try_acquire_until(limits...); }
};

// All: woken by notify_all. The lock is a plain thread's and a green thread's alike.
template <bool All>
struct ConditionPoint {
  static constexpr const char* kName = All ? "condition variable, all" : "condition variable, one";
  causeway::mutex mutex;
  causeway::condition_variable condition;
  bool open = false;  // guarded by mutex
  void prepare() {}
  void wake() {
    {
      const std::lock_guard guard(mutex);
      open = true;
    }
    All ? condition.notify_all() : condition.notify_one();
  }
  size_t waiting() { return causeway::sync::condition_waiting(inner<cw_abi_condition>(condition)); }
  auto is_open() {
    return [this] { return open; };
  }
  bool wait(Plain) {
    std::unique_lock lock(mutex);
    condition.wait(lock, is_open());
    return lock.owns_lock();
  }
  bool wait(const Stop& stop) {
    std::unique_lock lock(mutex);
    return condition.wait(lock, stop.token, is_open());
  }
  template <class Limit>
  bool wait(For, Limit limit) {
    std::unique_lock lock(mutex);
    return condition.wait_for(lock, limit, is_open());
  }
  template <class Limit>
  bool wait(For, Limit limit, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    return condition.wait_for(lock, stop, limit, is_open());
  }
  template <class Limit>
  bool wait(Until, Limit limit) {
    std::unique_lock lock(mutex);
    return condition.wait_until(lock, limit, is_open());
  }
  template <class Limit>
  bool wait(Until, Limit limit, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    return condition.wait_until(lock, stop, limit, is_open());
  }
};

// The waking party is in the middle of it, on whatever stack: the once is begun and ended through its state.
struct OncePoint {
  static constexpr const char* kName = "once";
  causeway::once once;
  cw_abi_once& state() { return inner<cw_abi_once>(once); }
  void prepare() {
    bool mine = false;
    CHECK(causeway::sync::once_begin(state(), reinterpret_cast<uintptr_t>(__builtin_frame_address(0)), 0, mine) == CW_OK);
    CHECK(mine);
  }
  void wake() { causeway::sync::once_end(state(), causeway::sync::OnceEnd::Done); }
  size_t waiting() { return causeway::sync::once_waiting(state()); }
  static void nothing() { FAIL_CHECK("it was done by the other party"); }
  bool wait(Plain) { return once.call(nothing), true; }
  bool wait(const Stop& stop) { return once.call(nothing, stop.token); }
  template <class Limit>
  bool wait(For, Limit limit, auto... stop) {
    return once.try_call_for(limit, nothing, stop...);
  }
  template <class Limit>
  bool wait(Until, Limit limit, auto... stop) {
    return once.try_call_until(limit, nothing, stop...);
  }
};

struct ChannelReceivePoint {
  static constexpr const char* kName = "channel, receive";
  causeway::channel<int> channel;
  int item = 7;
  void prepare() {}
  void wake() { CHECK(channel.send(item)); }
  size_t waiting() { return waiting_in(channel); }
  static bool is_seven(const causeway::result<int>& item) { return item.has_value() && *item == 7; }
  bool wait(Plain) { return channel.receive() == 7; }
  bool wait(const Stop& stop) { return is_seven(channel.receive(stop.token)); }
  bool wait(For, auto... limits) { return is_seven(channel.receive_for(limits...)); }
  bool wait(Until, auto... limits) { return is_seven(channel.receive_until(limits...)); }
};

struct ChannelSendPoint {
  static constexpr const char* kName = "channel, send";
  causeway::channel<int> channel;
  int item = 7;
  void prepare() {}
  void wake() { CHECK(channel.receive() == 7); }
  size_t waiting() { return waiting_in(channel); }
  bool wait(Plain) { return channel.send(7); }
  bool wait(const Stop& stop) { return channel.send(item, stop.token) == CW_OK; }
  bool wait(For, auto... limits) { return channel.send_for(item, limits...) == CW_OK; }
  bool wait(Until, auto... limits) { return channel.send_until(item, limits...) == CW_OK; }
};

struct JoinPoint {
  static constexpr const char* kName = "join";
  causeway::event end;
  std::atomic<causeway::sched::G*> green{nullptr};
  causeway::task<int> task = causeway::spawn([this] {
    green = causeway::sched::current_green();
    end.wait();
    return 7;
  });
  ~JoinPoint() { end.set(); }
  void prepare() {
    CHECK(eventually([&] { return green != nullptr; }));
  }
  void wake() { end.set(); }
  size_t waiting() {
    const causeway::base::LockGuard guard(green.load()->join_lock);
    return green.load()->joiners.empty() ? 0 : 1;
  }
  static bool is_seven(const causeway::result<int>& result) { return result.has_value() && *result == 7; }
  bool wait(Plain) { return task.join() == 7; }
  bool wait(const Stop& stop) { return is_seven(task.join(stop.token)); }
  bool wait(For, auto... limits) { return is_seven(task.try_join_for(limits...)); }
  bool wait(Until, auto... limits) { return is_seven(task.try_join_until(limits...)); }
};

#define SYNC_TEST_POINTS                                                                                                  \
  sync_test::EventPoint<false>, sync_test::EventPoint<true>, sync_test::WaitGroupPoint, sync_test::MutexPoint,            \
      sync_test::SharedMutexAlonePoint<false>, sync_test::SharedMutexAlonePoint<true>, sync_test::SharedMutexSharedPoint, \
      sync_test::SemaphorePoint, sync_test::ConditionPoint<false>, sync_test::ConditionPoint<true>, sync_test::OncePoint, \
      sync_test::ChannelReceivePoint, sync_test::ChannelSendPoint, sync_test::JoinPoint

}  // namespace sync_test
