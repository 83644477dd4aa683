// SPDX-License-Identifier: MIT
//
// causeway::result<T>: a value, or the cw_status that says why there is none. The members are those of std::expected<T, cw_status>,
// which C++20 does not have; value() throws causeway::error.
//
//   if (auto item = queue.try_receive()) use(*item); else if (item.error() == CW_E_CLOSED) return;
#ifndef CAUSEWAY_RESULT_HPP
#define CAUSEWAY_RESULT_HPP

#include <causeway/error.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace causeway {

template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;
  using error_type = cw_status;

  result(cw_status why) noexcept : status_(why) {}  // NOLINT(google-explicit-constructor): as std::expected from unexpected
  template <class U = T>
    requires(std::is_constructible_v<T, U> && !std::is_same_v<std::remove_cvref_t<U>, cw_status> &&
             !std::is_same_v<std::remove_cvref_t<U>, result>)
  result(U&& value) : value_(std::in_place, std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor): as std::expected

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  // Undefined without a value.
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return *std::move(value_); }
  T* operator->() noexcept { return std::addressof(*value_); }
  const T* operator->() const noexcept { return std::addressof(*value_); }
  // CW_OK with a value.
  cw_status error() const noexcept { return status_; }
  T& value() & { return check(), *value_; }
  const T& value() const& { return check(), *value_; }
  T&& value() && { return check(), *std::move(value_); }
  template <class U>
  T value_or(U&& other) const& {
    return value_ ? *value_ : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  T value_or(U&& other) && {
    return value_ ? *std::move(value_) : static_cast<T>(std::forward<U>(other));
  }

 private:
  void check() const {
    if (!value_) throw causeway::error(status_, cw_status_text(status_));
  }

  std::optional<T> value_;
  cw_status status_ = CW_OK;
};

template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;
  using error_type = cw_status;

  result() noexcept = default;
  result(cw_status why) noexcept : status_(why) {}  // NOLINT(google-explicit-constructor): as std::expected from unexpected

  bool has_value() const noexcept { return status_ == CW_OK; }
  explicit operator bool() const noexcept { return has_value(); }
  void operator*() const noexcept {}
  cw_status error() const noexcept { return status_; }
  void value() const {
    if (status_ != CW_OK) throw causeway::error(status_, cw_status_text(status_));
  }

 private:
  cw_status status_ = CW_OK;
};

}  // namespace causeway

#endif  // CAUSEWAY_RESULT_HPP
