// SPDX-License-Identifier: MIT
//
// Guards: an order of locks that can deadlock and goes unnoticed. Without debug checks the account is empty and costs nothing.
#include "runtime/base/lock_rank.hpp"

#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "runtime/base/base.hpp"
#include "tests/cpp/base/child.hpp"

using namespace causeway;
using base::Lock;
using base::LockRank;

TEST_CASE("every rank has a name of its own") {
  std::set<std::string_view> names;
  for (unsigned i = 0; i <= static_cast<unsigned>(LockRank::Log); ++i) names.insert(base::lock_rank_name(static_cast<LockRank>(i)));
  CHECK(names.size() == 8);
  CHECK(base::lock_rank_name(static_cast<LockRank>(99)) == "?");
}

TEST_CASE("locks taken in the order of their ranks pass, and the account is empty afterwards") {
  Lock runtime{LockRank::Runtime}, object{LockRank::Object}, other{LockRank::Object}, log{LockRank::Log};
  runtime.lock();
  object.lock();
  other.lock_same_rank();
  log.lock();
  CHECK(base::lock_ranks::held(LockRank::Object) == (CW_DEBUG_CHECKS ? 2u : 0u));
  object.unlock();  // in any order
  log.unlock();
  other.unlock();
  runtime.unlock();
  for (unsigned i = 0; i <= static_cast<unsigned>(LockRank::Log); ++i) CHECK(base::lock_ranks::held(static_cast<LockRank>(i)) == 0);
}

TEST_CASE("the account is each thread's own, and follows a lock that is handed over") {
  Lock lock{LockRank::Slab};
  lock.lock();
  std::thread([] {
    CHECK(base::lock_ranks::held(LockRank::Slab) == 0);
    Lock low{LockRank::Object};
    low.lock();  // fine here: the other thread holds Slab
    low.unlock();
  }).join();
  lock.hand_over();
  CHECK(base::lock_ranks::held(LockRank::Slab) == 0);
  std::thread([&] { lock.unlock_deferred(); }).join();
  CHECK_FALSE(lock.is_locked());
}

#if CW_DEBUG_CHECKS
using test::run_child;

TEST_CASE("a lower or equal rank under a higher one ends the process and names both") {
  auto end = run_child([] {
    Lock sched{LockRank::Sched}, object{LockRank::Object};
    sched.lock();
    object.lock();
  });
  CHECK(end.text.find("invariant: lock order: a lock of rank Object is taken while one of rank Sched is held") != std::string::npos);
  CHECK(end.signal == SIGABRT);
  end = run_child([] {
    Lock one{LockRank::Object}, two{LockRank::Object};
    one.lock();
    two.lock();
  });
  CHECK(end.text.find("rank Object is taken while one of rank Object is held") != std::string::npos);
  end = run_child([] {
    Lock log{LockRank::Log}, object{LockRank::Object};
    log.lock();
    object.lock_same_rank();
  });
  CHECK(end.text.find("rank Object is taken while one of rank Log is held") != std::string::npos);
}

TEST_CASE("a try is not judged, but counts") {
  const auto end = run_child([] {
    Lock sched{LockRank::Sched}, object{LockRank::Object}, task{LockRank::Task};
    sched.lock();
    if (!object.try_lock()) _exit(1);
    sched.unlock();
    task.lock();  // above Object
    task.unlock();
    object.unlock();
    _exit(0);
  });
  CHECK(end.exit_status == 0);
}

TEST_CASE("a release by a thread that does not hold it ends the process") {
  const auto end = run_child([] {
    Lock lock{LockRank::Timer};
    lock.unlock();
  });
  CHECK(end.text.find("a lock of rank Timer is released by a thread that holds none of it") != std::string::npos);
}
#endif
