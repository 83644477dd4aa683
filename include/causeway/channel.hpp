// SPDX-License-Identifier: MIT
//
// channel<T>: items go from senders to receivers, in order, first come, first served. Up to `capacity` of them wait inside; with
// capacity 0 a send ends when a receive took its item.
//
//   causeway::channel<job> jobs(16);
//   causeway::go([&] { for (job& j : jobs) j.run(); });   // until the channel is closed and empty
//   jobs.send(next_job());
//   jobs.close();
//
// Any thread may use it at any time, except that it must outlive its calls: a receiver that got the last item may destroy it. An item
// that cannot be moved without a throw travels in a box on the heap; a move runs under the channel's lock and must not wait.
#ifndef CAUSEWAY_CHANNEL_HPP
#define CAUSEWAY_CHANNEL_HPP

#include <causeway/error.hpp>
#include <causeway/result.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace causeway {
namespace detail {

// How the library holds a T: itself, or a pointer to its box.
template <class T>
inline constexpr bool item_in_place = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T> && alignof(T) <= 4096;

template <class T>
using stored_item = std::conditional_t<item_in_place<T>, T, T*>;

template <class T>
void move_item(void* to, void* from) noexcept {
  ::new (to) T(std::move(*static_cast<T*>(from)));
}

template <class T>
void take_item(void* to, void* from) noexcept {
  T* item = std::launder(static_cast<T*>(from));
  ::new (to) T(std::move(*item));
  std::destroy_at(item);
}

template <class T>
void destroy_item(void* item) noexcept {
  if constexpr (item_in_place<T>) std::destroy_at(std::launder(static_cast<T*>(item)));
  else delete *static_cast<T**>(item);
}

template <class T>
inline constexpr bool item_is_bytes = !item_in_place<T> || std::is_trivially_copyable_v<T>;

template <class T>
inline constexpr cw_abi_item_ops item_ops{
    sizeof(stored_item<T>),  // NOLINT(bugprone-sizeof-expression): a pointer is what is stored then
    alignof(stored_item<T>),
    item_is_bytes<T> ? nullptr : move_item<T>,
    item_is_bytes<T> ? nullptr : take_item<T>,
    item_in_place<T>&& std::is_trivially_destructible_v<T> ? nullptr : destroy_item<T>,
};

// Room for one item that the library constructs.
template <class T>
union item_slot {
  item_slot() noexcept {}
  ~item_slot() {}
  stored_item<T> item;
};

// Takes the item out of a slot that the library has filled: use(T&&) gets it, and its answer is returned.
template <class T, class Use>
auto take_out(item_slot<T>& slot, Use use) {
  if constexpr (item_in_place<T>) {
    struct Item {
      T& item;
      ~Item() { std::destroy_at(std::addressof(item)); }
    } last{slot.item};
    return use(std::move(slot.item));
  } else {
    const std::unique_ptr<T> box(slot.item);
    return use(std::move(*box));
  }
}

template <class Out, class T>
Out unpack(item_slot<T>& slot) {
  return take_out(slot, [](T&& item) { return Out(std::in_place, std::move(item)); });
}

// An item on its way into the library: the caller's own, or its box. If it was not sent(), the end leaves the caller's as it was.
template <class T, bool InPlace = item_in_place<T>>
class outgoing {
 public:
  explicit outgoing(T& item) noexcept : item_(item) {}
  void* stored() noexcept { return std::addressof(item_); }
  void sent() noexcept {}

 private:
  T& item_;
};

template <class T>
class outgoing<T, false> {
 public:
  // A copy goes if the type can be copied; otherwise the item, which comes back if it was not sent.
  explicit outgoing(T& item) : item_(item), box_(new T(std::move_if_noexcept(item))) {}
  outgoing(const outgoing&) = delete;
  outgoing& operator=(const outgoing&) = delete;
  ~outgoing() {
    if (box_ != nullptr) give_back();
  }
  void* stored() noexcept { return &box_; }
  void sent() noexcept { box_ = nullptr; }

 private:
  // noexcept: if this move throws there is no item any more that could be given back, and the process ends.
  void give_back() noexcept {
    if constexpr (!std::is_copy_constructible_v<T>) {
      std::destroy_at(std::addressof(item_));
      ::new (static_cast<void*>(std::addressof(item_))) T(std::move(*box_));
    }
    delete box_;
  }

  T& item_;
  T* box_;
};

// A T itself, also an lvalue of a type that cannot be copied; or something to make one from.
template <class V, class T>
inline constexpr bool offers = std::is_same_v<std::remove_reference_t<V>, T> || std::is_convertible_v<V, T>;

struct channel_access;

}  // namespace detail

template <class T>
class channel {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && std::is_move_constructible_v<T>);

 public:
  using value_type = T;

  // Throws error: CW_E_INVALID (capacity over 2^31), CW_E_NOMEM.
  explicit channel(std::size_t capacity = 0) {
    const cw_status status = cw_abi_channel_create(&detail::item_ops<T>, capacity, &channel_);
    if (status != CW_OK) detail::fail(status, status == CW_E_INVALID ? "channel: the capacity is over 2^31" : cw_status_text(status));
  }
  channel(channel&& other) noexcept : channel_(std::exchange(other.channel_, nullptr)) {}
  channel& operator=(channel&& other) noexcept {
    std::swap(channel_, other.channel_);
    return *this;
  }
  ~channel() {
    if (channel_ != nullptr) cw_abi_channel_destroy(channel_);
  }

  // Sends; waits while there is no room. False: the channel is closed.
  // Throws error: CW_E_CANCELLED (the waiting green thread was asked to stop).
  bool send(T item) {
    const cw_status status = send_item(item, detail::forever);
    if (status == CW_OK) [[likely]]
      return true;
    if (status == CW_E_CLOSED) return false;
    detail::fail(status, why(status));
  }

  // Sends if there is room: CW_OK, CW_E_FULL or CW_E_CLOSED. The item is moved only if it was sent.
  cw_status try_send(T& item) {
    const cw_status status = send_item(item, detail::at_once);
    return status == CW_E_TIMEOUT ? CW_E_FULL : status;
  }

  // Sends within a time, until a stop is requested, or both: CW_OK, CW_E_TIMEOUT, CW_E_CLOSED or CW_E_CANCELLED.
  // item: a T, also an lvalue, is moved, only if it was sent; what is const, or converts to T, is copied or converted first.
  template <class V = T, class Rep, class Period>
    requires detail::offers<V, T>
  cw_status send_for(V&& item, const std::chrono::duration<Rep, Period>& d) {
    return offer(std::forward<V>(item), detail::within(d));
  }
  template <class V = T, class Clock, class Duration>
    requires detail::offers<V, T>
  cw_status send_until(V&& item, const std::chrono::time_point<Clock, Duration>& when) {
    return offer(std::forward<V>(item), detail::until(when));
  }
  template <class V = T>
    requires detail::offers<V, T>
  cw_status send(V&& item, const std::stop_token& stop) {
    return offer(std::forward<V>(item), detail::forever, stop);
  }
  template <class V = T, class Rep, class Period>
    requires detail::offers<V, T>
  cw_status send_for(V&& item, const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
    return offer(std::forward<V>(item), detail::within(d), stop);
  }
  template <class V = T, class Clock, class Duration>
    requires detail::offers<V, T>
  cw_status send_until(V&& item, const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
    return offer(std::forward<V>(item), detail::until(when), stop);
  }

  // Receives; waits while there is nothing. Nothing: the channel is closed and empty.
  // Throws error: CW_E_CANCELLED (the waiting green thread was asked to stop).
  std::optional<T> receive() {
    detail::item_slot<T> slot;
    const cw_status status = cw_abi_channel_receive(channel_, &slot, CW_FOREVER, nullptr);
    if (status == CW_OK) [[likely]]
      return detail::unpack<std::optional<T>>(slot);
    if (status == CW_E_CLOSED) return std::nullopt;
    detail::fail(status, why(status));
  }

  // Receives if there is something, else CW_E_NOT_READY or CW_E_CLOSED.
  result<T> try_receive() {
    result<T> item = receive_item(detail::at_once);
    if (!item && item.error() == CW_E_TIMEOUT) return CW_E_NOT_READY;
    return item;
  }

  // Receives within a time, until a stop is requested, or both; else CW_E_TIMEOUT, CW_E_CLOSED or CW_E_CANCELLED.
  template <class Rep, class Period>
  result<T> receive_for(const std::chrono::duration<Rep, Period>& d) {
    return receive_item(detail::within(d));
  }
  template <class Clock, class Duration>
  result<T> receive_until(const std::chrono::time_point<Clock, Duration>& when) {
    return receive_item(detail::until(when));
  }
  result<T> receive(const std::stop_token& stop) { return receive_item(detail::forever, stop); }
  template <class Rep, class Period>
  result<T> receive_for(const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
    return receive_item(detail::within(d), stop);
  }
  template <class Clock, class Duration>
  result<T> receive_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
    return receive_item(detail::until(when), stop);
  }

  // Sends fail from now on; receives drain what is inside, then fail. Twice is harmless.
  void close() noexcept { cw_abi_channel_close(channel_); }

  // for (T& item : channel): receives until the channel is closed and empty.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(channel& from) : from_(&from), item_(from.receive()) {}
    T& operator*() const noexcept { return *item_; }
    iterator& operator++() {
      // Not an assignment: T need not be assignable.
      item_.reset();
      if (std::optional<T> next = from_->receive()) item_.emplace(std::move(*next));
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return !it.item_.has_value(); }

   private:
    channel* from_;
    mutable std::optional<T> item_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  // The caller's own item if it can be moved, else a T made from it.
  template <class V, class Limit, class... Stop>
  cw_status offer(V&& item, Limit limit, const Stop&... stop) {
    if constexpr (std::is_same_v<std::remove_reference_t<V>, T>) {
      return send_item(item, limit, stop...);
    } else {
      T made = static_cast<T>(std::forward<V>(item));
      return send_item(made, limit, stop...);
    }
  }

  template <class Limit>
  cw_status send_item(T& item, Limit limit, cw_abi_stop_wait* stop = nullptr) {
    detail::outgoing<T> out(item);
    const cw_status status = limit([&](std::uint64_t timeout_ns) { return cw_abi_channel_send(channel_, out.stored(), timeout_ns, stop); });
    if (status == CW_OK) out.sent();
    return status;
  }
  template <class Limit>
  cw_status send_item(T& item, Limit limit, const std::stop_token& stop) {
    detail::stop_wait wait(stop);
    return send_item(item, limit, wait.get());
  }

  template <class Limit>
  result<T> receive_item(Limit limit, cw_abi_stop_wait* stop = nullptr) {
    detail::item_slot<T> slot;
    const cw_status status = limit([&](std::uint64_t timeout_ns) { return cw_abi_channel_receive(channel_, &slot, timeout_ns, stop); });
    if (status == CW_OK) return detail::unpack<result<T>>(slot);
    return status;
  }
  template <class Limit>
  result<T> receive_item(Limit limit, const std::stop_token& stop) {
    detail::stop_wait wait(stop);
    return receive_item(limit, wait.get());
  }

  static const char* why(cw_status status) noexcept {
    return status == CW_E_CANCELLED ? "channel: the waiting green thread was asked to stop" : cw_status_text(status);
  }

  friend struct detail::channel_access;

  cw_abi_channel* channel_ = nullptr;
};

// For the other headers.
struct detail::channel_access {
  template <class T>
  static cw_abi_channel* get(const channel<T>& from) noexcept {
    return from.channel_;
  }
};

}  // namespace causeway

#endif  // CAUSEWAY_CHANNEL_HPP
