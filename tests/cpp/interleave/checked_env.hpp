// SPDX-License-Identifier: MIT
//
// The atomics policy, cells, locks and futexes with which kernels of the product run in the interleaving checker.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "tests/cpp/interleave/engine.hpp"

namespace causeway::interleave {

constexpr Order order_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return Order::Relaxed;
    case std::memory_order_consume:
    case std::memory_order_acquire: return Order::Acquire;
    case std::memory_order_release: return Order::Release;
    case std::memory_order_acq_rel: return Order::AcqRel;
    default: return Order::SeqCst;
  }
}

template <class T>
uint64_t to_word(T value) {
  if constexpr (std::is_pointer_v<T>) return std::bit_cast<uintptr_t>(value);
  else return static_cast<uint64_t>(value);
}
template <class T>
T from_word(uint64_t word) {
  if constexpr (std::is_pointer_v<T>) return std::bit_cast<T>(static_cast<uintptr_t>(word));
  else return static_cast<T>(word);
}

template <class T>
class CheckedAtomic {
 public:
  static constexpr bool is_always_lock_free = true;

  CheckedAtomic(T initial = T{})
      : id_(Engine::the().add_location(to_word(initial))) {}  // NOLINT(google-explicit-constructor): as std::atomic
  CheckedAtomic(const CheckedAtomic&) = delete;
  CheckedAtomic& operator=(const CheckedAtomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst) const { return from_word<T>(Engine::the().load(id_, order_of(order))); }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) { Engine::the().store(id_, to_word(value), order_of(order)); }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) {
    return update(order, [&](uint64_t) { return to_word(value); });
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst) {
    return update(order, [&](uint64_t old) { return to_word(static_cast<T>(from_word<T>(old) + value)); });
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst) {
    return update(order, [&](uint64_t old) { return to_word(static_cast<T>(from_word<T>(old) - value)); });
  }
  T fetch_or(T value, std::memory_order order = std::memory_order_seq_cst) {
    return update(order, [&](uint64_t old) { return old | to_word(value); });
  }
  T fetch_and(T value, std::memory_order order = std::memory_order_seq_cst) {
    return update(order, [&](uint64_t old) { return old & to_word(value); });
  }
  T fetch_xor(T value, std::memory_order order = std::memory_order_seq_cst) {
    return update(order, [&](uint64_t old) { return old ^ to_word(value); });
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order success, std::memory_order failure) {
    const uint64_t wanted = to_word(expected);
    const uint64_t old = Engine::the().exchange(id_, order_of(success), order_of(failure), [&](uint64_t now, uint64_t* fresh) {
      *fresh = to_word(value);
      return now == wanted;
    });
    expected = from_word<T>(old);
    return old == wanted;
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order success, std::memory_order failure) {
    return compare_exchange_strong(expected, value, success, failure);
  }
  unsigned id() const { return id_; }

 private:
  template <class Change>
  T update(std::memory_order order, Change change) {
    return from_word<T>(Engine::the().exchange(id_, order_of(order), Order::Relaxed, [&](uint64_t old, uint64_t* fresh) {
      *fresh = change(old);
      return true;
    }));
  }
  const unsigned id_;
};

// A plain variable that threads hand to each other. In the weak model a read or write by somebody who has not
// acquired the last write is red, by the name that such a race has for the scenario.
template <class T>
class Plain {
 public:
  explicit Plain(T initial = T{}, const char* race = "data-race") : id_(Engine::the().add_location(to_word(initial))), race_(race) {}
  Plain(const Plain&) = delete;
  operator T() const {  // NOLINT(google-explicit-constructor): as a variable
    Engine& engine = Engine::the();
    engine.point("read");
    engine.require(engine.up_to_date(id_), race_);
    return from_word<T>(engine.load_here(id_));
  }
  Plain& operator=(const Plain& other) { return *this = static_cast<T>(other); }
  Plain& operator=(T value) {
    Engine& engine = Engine::the();
    engine.point("write");
    engine.require(engine.up_to_date(id_), race_);
    engine.store_here(id_, to_word(value));
    return *this;
  }

 private:
  const unsigned id_;
  const char* const race_;
};

// An ideal lock; unlocking is a release store, not a full fence.
class CheckedLock {
 public:
  CheckedLock() : id_(Engine::the().add_location(0)) {}
  void lock() { Engine::the().lock(id_); }
  void unlock() { Engine::the().unlock(id_); }

 private:
  const unsigned id_;
};

struct CheckedFutex {
  static int wait(const CheckedAtomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) {
    return Engine::the().futex_wait(word.id(), expected, timeout_ns != UINT64_MAX);
  }
  static void wake_one(const CheckedAtomic<uint32_t>& word) { Engine::the().futex_wake(word.id()); }
  static void interrupt() {}  // nobody polls (poll_word_test.cc has a poller)
};

// barrier=membarrier: light costs nothing, heavy reaches everybody.
struct CheckedEnv {
  template <class T>
  using atomic = CheckedAtomic<T>;
  static void fence_seq_cst() { Engine::the().fence(); }
  static void light() {}
  static void heavy() { Engine::the().membarrier(); }
  // As base::asym's.
  template <class Mine, class T, class Theirs>
  static auto store_then_load(Mine& mine, T value, const Theirs& theirs) {
    mine.store(value, std::memory_order_release);
    return theirs.load(std::memory_order_acquire);
  }
};

// barrier=fence: both sides pay a full fence of their own.
struct FenceModeEnv : CheckedEnv {
  static void light() { Engine::the().fence(); }
  static void heavy() { Engine::the().fence(); }
  template <class Mine, class T, class Theirs>
  static auto store_then_load(Mine& mine, T value, const Theirs& theirs) {
    mine.exchange(value, std::memory_order_seq_cst);
    return theirs.load(std::memory_order_seq_cst);
  }
};

// Planted: the membarrier that nobody issues.
struct NoMembarrierEnv : CheckedEnv {
  static void heavy() {}
};

}  // namespace causeway::interleave
