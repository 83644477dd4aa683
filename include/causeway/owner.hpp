// SPDX-License-Identifier: MIT
//
// owner: callbacks that are closed together, those of a plug-in for instance.
//
//   owner o{"reader"};
//   callback<void(int)> cb{f, on_exception::terminate, {.name = "on_data", .owned_by = &o}};
//   o.close(1s);                // all of them; waits until none runs
#ifndef CAUSEWAY_OWNER_HPP
#define CAUSEWAY_OWNER_HPP

#include <causeway/abi.h>
#include <causeway/error.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

namespace causeway {

// Move-only. Its destructor closes, and waits without end, whoever asks the green thread to stop; but inside a call of one of its callbacks it does not wait:
// all of them are closed then, and nothing but that call, and others in progress, is left. A callback that is made with an owner that is closed, or was moved
// from, is refused with CW_E_CLOSED.
class owner {
 public:
  // name: for reports; copied, cut to 31 bytes.
  // Throws error: CW_E_NOMEM, CW_E_LIMIT.
  explicit owner(const char* name = nullptr) {
    if (const cw_status status = cw_owner_create(name, &owner_); status != CW_OK) detail::fail(status, cw_last_error());
  }
  owner(owner&& other) noexcept : owner_(std::exchange(other.owner_, 0)) {}
  owner& operator=(owner&& other) noexcept {
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~owner() {
    if (owner_ != 0) cw_abi_owner_release(owner_);
  }

  // Closes all that was made with it, and waits until no call is in progress. Again is nothing.
  // Throws error: CW_E_STATE (from inside one of them), CW_E_TIMEOUT, CW_E_CANCELLED (they are closed; call again to wait).
  void close() { close_ns(CW_FOREVER); }
  template <class Rep, class Period>
  void close(const std::chrono::duration<Rep, Period>& d) {
    close_ns(detail::timeout_ns(d));
  }

  cw_owner raw() const noexcept { return owner_; }

 private:
  void close_ns(std::uint64_t ns) {
    if (owner_ == 0) return;
    if (const cw_status status = cw_owner_close(owner_, ns); status != CW_OK) detail::fail(status, cw_last_error());
    owner_ = 0;
  }
  cw_owner owner_ = 0;
};

}  // namespace causeway

#endif  // CAUSEWAY_OWNER_HPP
