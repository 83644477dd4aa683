// SPDX-License-Identifier: MIT
//
// causeway::result<T>: a value, or the cw_status that says why there is none. The members are those of std::expected<T, cw_status>,
// which C++20 does not have; value() throws causeway::error. There is no `unexpected`: a bare cw_status is always the error, also for
// result<cw_status>, whose values are made with std::in_place.
//
//   if (auto item = queue.try_receive()) use(*item); else if (item.error() == CW_E_CLOSED) return;
#ifndef CAUSEWAY_RESULT_HPP
#define CAUSEWAY_RESULT_HPP

#include <causeway/error.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace causeway {

template <class T>
class result;

namespace detail {

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

// What a function given to transform() returned, as a result.
template <class F, class... A>
auto transformed(F&& f, A&&... a) {
  using U = std::remove_cv_t<std::invoke_result_t<F, A...>>;
  static_assert(!std::is_reference_v<U>, "the function of transform() returns a value, or nothing");
  if constexpr (std::is_void_v<U>) return std::invoke(std::forward<F>(f), std::forward<A>(a)...), result<U>();
  else return result<U>(std::in_place, std::invoke(std::forward<F>(f), std::forward<A>(a)...));
}

}  // namespace detail

template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;
  using error_type = cw_status;

  result() noexcept(std::is_nothrow_default_constructible_v<T>)
    requires std::is_default_constructible_v<T>
      : value_(std::in_place) {}
  // why: not CW_OK.
  result(cw_status why) noexcept : status_(why) {}  // NOLINT(google-explicit-constructor): as std::expected from unexpected
  template <class U = T>
    requires(std::is_constructible_v<T, U> && !std::is_same_v<std::remove_cvref_t<U>, cw_status> &&
             !std::is_same_v<std::remove_cvref_t<U>, std::in_place_t> && !std::is_same_v<std::remove_cvref_t<U>, result>)
  result(U&& value) : value_(std::in_place, std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor): as std::expected
  // Always a value, also of type cw_status.
  template <class... A>
    requires std::is_constructible_v<T, A...>
  explicit result(std::in_place_t, A&&... a) : value_(std::in_place, std::forward<A>(a)...) {}

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  // Undefined without a value.
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return *std::move(value_); }
  const T&& operator*() const&& noexcept { return *std::move(value_); }
  T* operator->() noexcept { return std::addressof(*value_); }
  const T* operator->() const noexcept { return std::addressof(*value_); }
  // CW_OK with a value.
  cw_status error() const noexcept { return status_; }
  cw_status error_or(cw_status other) const noexcept { return value_ ? other : status_; }
  T& value() & { return check(), *value_; }
  const T& value() const& { return check(), *value_; }
  T&& value() && { return check(), *std::move(value_); }
  const T&& value() const&& { return check(), *std::move(value_); }
  template <class U>
  T value_or(U&& other) const& {
    return value_ ? *value_ : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  T value_or(U&& other) && {
    return value_ ? *std::move(value_) : static_cast<T>(std::forward<U>(other));
  }

  template <class... A>
    requires std::is_nothrow_constructible_v<T, A...>
  T& emplace(A&&... a) noexcept {
    status_ = CW_OK;
    return value_.emplace(std::forward<A>(a)...);
  }
  void swap(result& other) noexcept(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_swappable_v<T>) {
    value_.swap(other.value_);
    std::swap(status_, other.status_);
  }

  // f(value), a result of any type; or the error.
  template <class F>
  auto and_then(F&& f) & {
    return bind(*this, std::forward<F>(f));
  }
  template <class F>
  auto and_then(F&& f) const& {
    return bind(*this, std::forward<F>(f));
  }
  template <class F>
  auto and_then(F&& f) && {
    return bind(std::move(*this), std::forward<F>(f));
  }
  template <class F>
  auto and_then(F&& f) const&& {
    return bind(std::move(*this), std::forward<F>(f));
  }

  // A result with what f(value) returned, which is the value also if it is a cw_status; or the error.
  template <class F>
  auto transform(F&& f) & {
    return map(*this, std::forward<F>(f));
  }
  template <class F>
  auto transform(F&& f) const& {
    return map(*this, std::forward<F>(f));
  }
  template <class F>
  auto transform(F&& f) && {
    return map(std::move(*this), std::forward<F>(f));
  }
  template <class F>
  auto transform(F&& f) const&& {
    return map(std::move(*this), std::forward<F>(f));
  }

  // The value; or f(error), which is a result of the same type.
  template <class F>
  result or_else(F&& f) const& {
    static_assert(std::is_same_v<std::remove_cvref_t<std::invoke_result_t<F, cw_status>>, result>, "or_else: f returns the same result");
    if (value_) return *this;
    return std::invoke(std::forward<F>(f), status_);
  }
  template <class F>
  result or_else(F&& f) && {
    static_assert(std::is_same_v<std::remove_cvref_t<std::invoke_result_t<F, cw_status>>, result>, "or_else: f returns the same result");
    if (value_) return std::move(*this);
    return std::invoke(std::forward<F>(f), status_);
  }

  // The value; or f(error), another cw_status.
  template <class F>
  result transform_error(F&& f) const& {
    if (value_) return *this;
    return static_cast<cw_status>(std::invoke(std::forward<F>(f), status_));
  }
  template <class F>
  result transform_error(F&& f) && {
    if (value_) return std::move(*this);
    return static_cast<cw_status>(std::invoke(std::forward<F>(f), status_));
  }

  // Both have equal values, or both the same error.
  template <class U>
    requires(!std::is_void_v<U>)
  friend bool operator==(const result& a, const result<U>& b) {
    if (a.has_value() != b.has_value()) return false;
    return a.has_value() ? static_cast<bool>(*a == *b) : a.error() == b.error();
  }
  // With a value. A bare status is compared with the error.
  template <class U>
    requires(!detail::is_result<U> && !std::is_same_v<U, cw_status>)
  friend bool operator==(const result& a, const U& value) {
    return a.has_value() && static_cast<bool>(*a == value);
  }
  friend bool operator==(const result& a, cw_status why) noexcept { return !a.has_value() && a.error() == why; }

 private:
  void check() const {
    if (!value_) throw causeway::error(status_, cw_status_text(status_));
  }

  template <class Self, class F>
  static auto bind(Self&& self, F&& f) {
    using next = std::remove_cvref_t<std::invoke_result_t<F, decltype(*std::forward<Self>(self))>>;
    static_assert(detail::is_result<next>, "the function of and_then() returns a result");
    if (self.value_) return next(std::invoke(std::forward<F>(f), *std::forward<Self>(self)));
    return next(self.status_);
  }
  template <class Self, class F>
  static auto map(Self&& self, F&& f) {
    using next = decltype(detail::transformed(std::forward<F>(f), *std::forward<Self>(self)));
    if (self.value_) return detail::transformed(std::forward<F>(f), *std::forward<Self>(self));
    return next(self.status_);
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
  explicit result(std::in_place_t) noexcept {}
  result(cw_status why) noexcept : status_(why) {}  // NOLINT(google-explicit-constructor): as std::expected from unexpected

  bool has_value() const noexcept { return status_ == CW_OK; }
  explicit operator bool() const noexcept { return has_value(); }
  void operator*() const noexcept {}
  cw_status error() const noexcept { return status_; }
  cw_status error_or(cw_status other) const noexcept { return has_value() ? other : status_; }
  void value() const {
    if (status_ != CW_OK) throw causeway::error(status_, cw_status_text(status_));
  }
  void emplace() noexcept { status_ = CW_OK; }
  void swap(result& other) noexcept { std::swap(status_, other.status_); }

  // As above, without a value: f() for the first two, f(error) for the others.
  template <class F>
  auto and_then(F&& f) const {
    using next = std::remove_cvref_t<std::invoke_result_t<F>>;
    static_assert(detail::is_result<next>, "the function of and_then() returns a result");
    if (has_value()) return next(std::invoke(std::forward<F>(f)));
    return next(status_);
  }
  template <class F>
  auto transform(F&& f) const {
    using next = decltype(detail::transformed(std::forward<F>(f)));
    if (has_value()) return detail::transformed(std::forward<F>(f));
    return next(status_);
  }
  template <class F>
  result or_else(F&& f) const {
    static_assert(std::is_same_v<std::remove_cvref_t<std::invoke_result_t<F, cw_status>>, result>, "or_else: f returns the same result");
    if (has_value()) return *this;
    return std::invoke(std::forward<F>(f), status_);
  }
  template <class F>
  result transform_error(F&& f) const {
    if (has_value()) return *this;
    return static_cast<cw_status>(std::invoke(std::forward<F>(f), status_));
  }

  friend bool operator==(const result& a, const result& b) noexcept { return a.status_ == b.status_; }
  // The error is that; never with a value.
  friend bool operator==(const result& a, cw_status why) noexcept { return !a.has_value() && a.status_ == why; }

 private:
  cw_status status_ = CW_OK;
};

template <class T>
void swap(result<T>& a, result<T>& b) noexcept(noexcept(a.swap(b))) {
  a.swap(b);
}

}  // namespace causeway

#endif  // CAUSEWAY_RESULT_HPP
