// SPDX-License-Identifier: MIT
//
// IntrusiveList: a doubly linked list through a Link inside the elements. Owns nothing, allocates nothing; every operation but for_each is
// O(1). Not thread-safe: whoever owns the list holds its lock.
//
//   INV-LIST1  An element's link is in at most one list; out of any list both of its pointers are null.
//   INV-LIST2  A list of zero bytes is an empty list.
//
// Not chosen: a circular list with a sentinel (it cannot be moved, and zeroed memory would not be an empty list).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "runtime/base/check.hpp"

namespace causeway::base {

struct Link {
  Link* next = nullptr;
  Link* prev = nullptr;
};

template <class T, Link T::* Member>
class IntrusiveList {
 public:
  constexpr IntrusiveList() noexcept = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const noexcept { return head_ == nullptr; }
  // The ends, or null.
  T* front() const noexcept { return head_ != nullptr ? element(head_) : nullptr; }
  T* back() const noexcept { return tail_ != nullptr ? element(tail_) : nullptr; }
  // The element after `item` (which is in this list), or null.
  T* next(const T* item) const noexcept {
    const Link* after = (item->*Member).next;
    return after != nullptr ? element(const_cast<Link*>(after)) : nullptr;
  }

  void push_back(T* item) noexcept { link_between(item, tail_, nullptr); }
  void push_front(T* item) noexcept { link_between(item, nullptr, head_); }
  // Needs: `item` in this list.
  void insert_after(T* item, T* added) noexcept { link_between(added, &(item->*Member), (item->*Member).next); }

  // Takes the first / last element out; null when the list is empty.
  T* pop_front() noexcept { return take(front()); }
  T* pop_back() noexcept { return take(back()); }

  // Needs: `item` in this list.
  void remove(T* item) noexcept {
    Link* link = &(item->*Member);
    CW_DCHECK(link->prev != nullptr ? link->prev->next == link : head_ == link, "a removed element is in the list: INV-LIST1");
    CW_DCHECK(link->next != nullptr ? link->next->prev == link : tail_ == link, "a removed element is in the list: INV-LIST1");
    (link->prev != nullptr ? link->prev->next : head_) = link->next;
    (link->next != nullptr ? link->next->prev : tail_) = link->prev;
    *link = Link{};  // INV-LIST1
  }

  // Moves all elements of `other` behind ours, in their order.
  void append_all(IntrusiveList& other) noexcept {
    if (other.head_ == nullptr || &other == this) return;
    (tail_ != nullptr ? tail_->next : head_) = other.head_;
    other.head_->prev = tail_;
    tail_ = other.tail_;
    other.head_ = other.tail_ = nullptr;
  }

  // Calls fn(T*) for each element, first to last. fn may remove the element it is given, and no other.
  template <class Fn>
  void for_each(Fn&& fn) {
    for (Link* link = head_; link != nullptr;) {
      Link* after = link->next;
      fn(element(link));
      link = after;
    }
  }

 private:
  static T* element(Link* link) noexcept {
    // A pointer to a data member is the member's offset (Itanium C++ ABI, 2.3.1).
    const auto offset = std::bit_cast<std::ptrdiff_t>(Member);
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(link) - offset);
  }

  T* take(T* item) noexcept {
    if (item != nullptr) remove(item);
    return item;
  }

  void link_between(T* item, Link* before, Link* after) noexcept {
    Link* link = &(item->*Member);
    CW_DCHECK(link->next == nullptr && link->prev == nullptr && head_ != link, "an added element is in no list: INV-LIST1");
    link->prev = before;
    link->next = after;
    (before != nullptr ? before->next : head_) = link;
    (after != nullptr ? after->prev : tail_) = link;
  }

  Link* head_ = nullptr;
  Link* tail_ = nullptr;
};

}  // namespace causeway::base
