// SPDX-License-Identifier: MIT
//
// Result<T>: a value or an Error, in the shape of std::expected, for code that does not throw.
//
//   Result<Stack> map_one() noexcept {
//     void* at = os::map_reserve(n);
//     if (at == nullptr) return fail(CW_E_NOMEM, "no memory for a stack: ...", errno);
//     return Stack{...};
//   }
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "causeway/causeway.h"
#include "runtime/base/check.hpp"

namespace causeway::base {

// Why something failed. `text` is constant and says what to do; `sys_errno` is the failed system call's, or 0.
struct Error {
  cw_status code = CW_E_SYSTEM;
  int sys_errno = 0;
  const char* text = "";
};

[[nodiscard]] constexpr Error fail(cw_status code, const char* text, int sys_errno = 0) noexcept { return Error{code, sys_errno, text}; }

template <class T>
class [[nodiscard]] Result {
 public:
  static_assert(!std::is_same_v<std::remove_cv_t<T>, Error>, "an Error is not a value");
  static_assert(!std::is_reference_v<T>, "return a pointer");
  using value_type = T;
  using error_type = Error;

  // Implicit on purpose, both ways: `return value;` and `return fail(...)`.
  Result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(value)) {}
  Result(Error error) noexcept : error_(error) {}

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  // Needs: has_value()
  T& operator*() & noexcept { return checked(*this); }
  const T& operator*() const& noexcept { return checked(*this); }
  T&& operator*() && noexcept { return std::move(checked(*this)); }
  T* operator->() noexcept { return &checked(*this); }
  const T* operator->() const noexcept { return &checked(*this); }

  // Needs: !has_value()
  const Error& error() const noexcept {
    CW_DCHECK(!has_value(), "error() of a Result that holds a value");
    return error_;
  }

  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

 private:
  template <class Self>
  static auto& checked(Self& self) noexcept {
    CW_DCHECK(self.has_value(), "the value of a Result that holds an error");
    return *self.value_;
  }

  std::optional<T> value_;
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() noexcept = default;  // success: `return {};`
  Result(Error error) noexcept : error_(error), failed_(true) {}

  bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }

  // Needs: !has_value()
  const Error& error() const noexcept {
    CW_DCHECK(failed_, "error() of a Result that holds a value");
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace causeway::base
