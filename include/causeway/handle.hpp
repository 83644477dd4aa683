// SPDX-License-Identifier: MIT
//
// handle<T>: a checked number for C to keep in place of a pointer to a T; see cw_handle_create().
//
//   auto h = causeway::handle<session>::make(s);      // or of a pointer
//   library_set_user_data(reinterpret_cast<void*>(h.raw()));
//   ...
//   causeway::handle<session> back{reinterpret_cast<cw_handle>(user_data)};
//   back.get()->count++;                       // borrowed: for who knows that it lives
//   auto held = back.acquire();                // until the end of the scope a release waits
//   held->count++;
//   ...
//   h.release();                               // stale from now on, for whoever still has the number
//
// A handle<T> is the number alone: copy it freely, it ends nothing by itself. It owns no T either; release() gives the pointer back, so
// `std::unique_ptr<session>{h.release()}` ends the object once nobody uses it.
#ifndef CAUSEWAY_HANDLE_HPP
#define CAUSEWAY_HANDLE_HPP

#include <causeway/causeway.h>
#include <causeway/error.hpp>
#include <causeway/result.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace causeway {

namespace detail {

// The type's name as the compiler writes it, hashed: the same in every shared object that one compiler made, where an address would not be. Two
// types of one spelling (in unnamed namespaces of two files) share a kind. FNV-1a.
template <class T>
constexpr std::uint32_t kind_of_type() noexcept {
  std::uint32_t hash = 2166136261u;
  for (const char c : std::string_view(__PRETTY_FUNCTION__)) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

}  // namespace detail

template <class T>
class handle {
  static_assert(std::is_object_v<T> || std::is_void_v<T>, "handle<T>: T is the type of an object");

 public:
  // Keeps the object acquired until its end. Movable; to be ended by any thread.
  class [[nodiscard]] scope {
   public:
    scope(scope&& other) noexcept : raw_(std::exchange(other.raw_, 0)), object_(std::exchange(other.object_, nullptr)) {}
    scope& operator=(scope&& other) noexcept {
      std::swap(raw_, other.raw_);
      std::swap(object_, other.object_);
      return *this;
    }
    ~scope() { reset(); }

    T* get() const noexcept { return object_; }
    T* operator->() const noexcept { return object_; }
    std::add_lvalue_reference_t<T> operator*() const noexcept
      requires(!std::is_void_v<T>)
    {
      return *object_;
    }
    // Gives it back now.
    void reset() noexcept {
      if (raw_ != 0) cw_handle_unacquire(raw_);
      raw_ = 0;
      object_ = nullptr;
    }

   private:
    friend class handle;
    scope(cw_handle raw, T* object) noexcept : raw_(raw), object_(object) {}
    cw_handle raw_;
    T* object_;
  };

  // None: every use is CW_E_HANDLE.
  constexpr handle() noexcept = default;
  // The number that C kept. Whether it is a handle of a T is seen at each use.
  constexpr explicit handle(cw_handle raw) noexcept : raw_(raw) {}

  // A new handle of *object, which stays the caller's. Throws error: CW_E_NOMEM, CW_E_LIMIT.
  static handle make(T* object) {
    handle made;
    detail::check(cw_handle_create(const_cast<void*>(static_cast<const volatile void*>(object)), kind(), &made.raw_));
    return made;
  }
  template <class U>
    requires std::is_same_v<U, T>
  static handle make(U& object) {
    return make(std::addressof(object));
  }

  // Throws error: CW_E_HANDLE, CW_E_STALE, CW_E_TYPE; so do the ones below.
  T* get() const {
    void* object = nullptr;
    detail::check(cw_handle_get(raw_, kind(), &object));
    return static_cast<T*>(object);
  }
  result<T*> try_get() const noexcept {
    void* object = nullptr;
    if (const cw_status status = cw_handle_get(raw_, kind(), &object); status != CW_OK) return status;
    return static_cast<T*>(object);
  }

  // Throws also: CW_E_NOMEM, CW_E_ASYNC.
  scope acquire() const {
    void* object = nullptr;
    detail::check(cw_handle_acquire(raw_, kind(), &object));
    return scope(raw_, static_cast<T*>(object));
  }
  result<scope> try_acquire() const noexcept {
    void* object = nullptr;
    if (const cw_status status = cw_handle_acquire(raw_, kind(), &object); status != CW_OK) return status;
    return scope(raw_, static_cast<T*>(object));
  }

  // Ends the handle when nobody has acquired the object any more, and gives the pointer back.
  // Throws also: CW_E_STATE (the caller has acquired it), CW_E_CANCELLED, CW_E_ASYNC.
  T* release() const {
    T* const object = get();
    detail::check(cw_handle_release(raw_, kind()));
    return object;
  }
  result<T*> try_release() const noexcept {
    const result<T*> object = try_get();
    if (!object) return object;
    if (const cw_status status = cw_handle_release(raw_, kind()); status != CW_OK) return status;
    return object;
  }

  // For C. 0: none.
  constexpr cw_handle raw() const noexcept { return raw_; }
  constexpr explicit operator bool() const noexcept { return raw_ != 0; }
  // What cw_handle_get() and its like want for a T; the same with const or volatile.
  static constexpr std::uint32_t kind() noexcept { return detail::kind_of_type<std::remove_cv_t<T>>(); }

  friend constexpr bool operator==(const handle&, const handle&) noexcept = default;

 private:
  cw_handle raw_ = 0;
};

}  // namespace causeway

#endif  // CAUSEWAY_HANDLE_HPP
