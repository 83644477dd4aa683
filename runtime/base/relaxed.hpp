// SPDX-License-Identifier: MIT
//
// Relaxed<T>: a word that its owner writes and uses like a plain one, and others read as a hint. It orders nothing.
//
// For words where an atomic's orders would say nothing at each of many uses; where an order matters, std::atomic says which.
#pragma once

#include <atomic>

namespace causeway::base {

template <class T>
class Relaxed {
 public:
  constexpr Relaxed(T value = T{}) noexcept : value_(value) {}  // NOLINT(google-explicit-constructor): it stands for a T
  Relaxed(const Relaxed& other) noexcept : value_(T{other}) {}
  Relaxed& operator=(const Relaxed& other) noexcept {
    value_.store(other, std::memory_order_relaxed);
    return *this;
  }
  T operator=(T value) noexcept {  // NOLINT(misc-unconventional-assign-operator): the value, as an atomic's
    value_.store(value, std::memory_order_relaxed);
    return value;
  }
  operator T() const noexcept { return value_.load(std::memory_order_relaxed); }  // NOLINT(google-explicit-constructor)
  T operator->() const noexcept { return *this; }
  // Of an object that may just be constructed or change hands, for a hint. Not as an atomic, because ThreadSanitizer looks at those everywhere.
  [[gnu::no_sanitize_thread]] T racy() const noexcept { return *reinterpret_cast<const volatile T*>(&value_); }

 private:
  std::atomic<T> value_;
};

}  // namespace causeway::base
