// SPDX-License-Identifier: MIT
//
// causeway::io: descriptors. A green thread that waits for one leaves its OS thread to others; a plain thread blocks.
//
//   causeway::io::file listener(listening_socket());
//   while (auto connection = listener.accept())
//     causeway::go([c = std::move(*connection)]() mutable {      // an echo server
//       char text[512];
//       while (auto n = c.read(text, sizeof text)) if (*n == 0 || !c.write(text, *n)) break;
//     });
//
// Nothing here throws but the constructor of file. What fails answers a cw_status; cw_last_error() has the text, and with CW_E_SYSTEM errno is
// the system's reason (read it right after the call: a green thread may be on another OS thread after the next one).
//
// Every wait has these forms: (...), (..., duration), (..., time_point), (..., stop_token), and the two with a time also with a stop token
// behind it. What can be done at once is done, whatever the time and the token say. It ends with CW_E_TIMEOUT, and with CW_E_CANCELLED when a stop of the token or of the waiting green thread
// itself was requested. A plain thread that waits while the runtime stops gets CW_E_STOPPED. Not from signal handlers (CW_E_ASYNC).
#ifndef CAUSEWAY_IO_HPP
#define CAUSEWAY_IO_HPP

#include <causeway/error.hpp>
#include <causeway/result.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/timeout.hpp>

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <utility>

namespace causeway::io {
namespace detail {

using causeway::detail::stop_wait;
using causeway::detail::timeout_ns;
using causeway::detail::timeout_until;

inline cw_status status_of(cw_status status) noexcept { return status; }
template <class T>
cw_status status_of(const result<T>& answer) noexcept {
  return answer.error();
}

// Until the clock shows `when`, also if it is set meanwhile; wait() is called at least once, with 0 when the time is past.
template <class Wait, class Clock, class Duration>
auto repeat_until(Wait& wait, const std::chrono::time_point<Clock, Duration>& when, cw_abi_stop_wait* stop) {
  for (;;) {
    const std::uint64_t left = timeout_until(when);
    auto answer = wait(left, stop);
    if (status_of(answer) != CW_E_TIMEOUT || left == 0) return answer;
  }
}

// Calls wait(timeout_ns, stop) in the form that the caller's last arguments ask for.
template <class Wait>
auto limited(Wait wait) {
  return wait(CW_FOREVER, nullptr);
}
template <class Wait, class Rep, class Period>
auto limited(Wait wait, const std::chrono::duration<Rep, Period>& d) {
  return wait(timeout_ns(d), nullptr);
}
template <class Wait>
auto limited(Wait wait, const std::stop_token& token) {
  stop_wait stop(token);
  return wait(CW_FOREVER, stop.get());
}
template <class Wait, class Rep, class Period>
auto limited(Wait wait, const std::chrono::duration<Rep, Period>& d, const std::stop_token& token) {
  stop_wait stop(token);
  return wait(timeout_ns(d), stop.get());
}
template <class Wait, class Clock, class Duration>
auto limited(Wait wait, const std::chrono::time_point<Clock, Duration>& when) {
  return repeat_until(wait, when, nullptr);
}
template <class Wait, class Clock, class Duration>
auto limited(Wait wait, const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& token) {
  stop_wait stop(token);
  return repeat_until(wait, when, stop.get());
}

// The limits of a wait: nothing, a time (a duration or a point), a stop token, or a time and a stop token.
template <class... Limits>
concept limits = requires(Limits&&... l) { limited([](std::uint64_t, cw_abi_stop_wait*) { return CW_OK; }, std::forward<Limits>(l)...); };

}  // namespace detail

// Waits until reading from (writing to) a raw descriptor would not block: CW_OK also at its end or with an error pending, as poll(2). What
// cannot be waited for, as a regular file, is always ready. The descriptor stays the caller's, and nothing of the wait is left behind.
//
// Any number may wait for one descriptor. If it is closed meanwhile the wait goes on (to its duration, or for ever), unless the number is
// used again and waited for: then it ends with CW_E_CLOSED. It never reports the readiness of the later owner of the number.
// Errors: CW_E_INVALID (not an open descriptor), CW_E_LIMIT (fs.epoll.max_user_watches), CW_E_NOMEM, CW_E_SYSTEM (the poller's own descriptors
//         could not be made, EMFILE: the next wait tries again)
template <class... Limits>
  requires detail::limits<Limits...>
cw_status wait_readable(int fd, Limits&&... limits) {
  return detail::limited([fd](std::uint64_t ns, cw_abi_stop_wait* stop) { return cw_abi_io_wait(fd, CW_ABI_IO_READ, ns, stop); },
                         std::forward<Limits>(limits)...);
}
template <class... Limits>
  requires detail::limits<Limits...>
cw_status wait_writable(int fd, Limits&&... limits) {
  return detail::limited([fd](std::uint64_t ns, cw_abi_stop_wait* stop) { return cw_abi_io_wait(fd, CW_ABI_IO_WRITE, ns, stop); },
                         std::forward<Limits>(limits)...);
}

// Owns a descriptor: a socket, a pipe, a terminal, anything. Made non-blocking, which its duplicates share; registered with the poller at its
// first wait, once. A TCP socket must not get an upper-layer protocol (kernel TLS) while it is owned, but before.
//
// Several threads may use it at once, each direction by several too, and close() may come at any time. All else (move, destruction) wants it
// alone, as any object. A default-constructed, moved-from or closed one answers CW_E_CLOSED.
//
// Writing to a socket raises no SIGPIPE (CW_E_SYSTEM with EPIPE). Writing to a pipe without a reader raises it on a plain thread, as write(2)
// does; on green threads the signal is blocked.
class file {
 public:
  file() noexcept = default;
  // Takes the descriptor over. Throws error: CW_E_INVALID (not an open descriptor), CW_E_NOMEM, CW_E_SYSTEM; then it stays the caller's.
  explicit file(int fd) { causeway::detail::check(cw_abi_io_adopt(fd, &file_)); }
  // The same without a throw.
  static result<file> adopt(int fd) noexcept {
    file made;
    const cw_status status = cw_abi_io_adopt(fd, &made.file_);
    if (status != CW_OK) return status;
    return made;
  }
  file(file&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  file& operator=(file&& other) noexcept {
    file old(std::move(*this));
    file_ = std::exchange(other.file_, nullptr);
    return *this;
  }
  // Closes it.
  ~file() {
    if (file_ != nullptr) cw_abi_io_destroy(file_);
  }

  // What is there, up to n bytes; waits while there is nothing. 0: the end, or n is 0.
  template <class... Limits>
    requires detail::limits<Limits...>
  result<std::size_t> read(void* to, std::size_t n, Limits&&... limits) {
    if (file_ == nullptr) return closed();
    return detail::limited(
        [&](std::uint64_t ns, cw_abi_stop_wait* stop) -> result<std::size_t> {
          std::size_t got = 0;
          const cw_status status = cw_abi_io_read(file_, to, n, &got, ns, stop);
          if (status != CW_OK) return status;
          return got;
        },
        std::forward<Limits>(limits)...);
  }
  template <class... Limits>
    requires detail::limits<Limits...>
  result<std::size_t> read(std::span<std::byte> to, Limits&&... limits) {
    return read(to.data(), to.size(), std::forward<Limits>(limits)...);
  }

  // Writes all n bytes, waiting as often as need be. Fewer if something (an error, the end of the time, a stop, close()) ended it after the
  // first; the next call tells what. Nothing keeps two writers' bytes apart but themselves.
  template <class... Limits>
    requires detail::limits<Limits...>
  result<std::size_t> write(const void* from, std::size_t n, Limits&&... limits) {
    if (file_ == nullptr) return closed();
    return detail::limited(
        [&](std::uint64_t ns, cw_abi_stop_wait* stop) -> result<std::size_t> {
          std::size_t put = 0;
          const cw_status status = cw_abi_io_write(file_, from, n, &put, ns, stop);
          if (status != CW_OK) return status;
          return put;
        },
        std::forward<Limits>(limits)...);
  }
  template <class... Limits>
    requires detail::limits<Limits...>
  result<std::size_t> write(std::span<const std::byte> from, Limits&&... limits) {
    return write(from.data(), from.size(), std::forward<Limits>(limits)...);
  }

  // The next connection of a listening socket, non-blocking and closed by exec. The second form tells the peer's address, as accept(2).
  template <class... Limits>
    requires detail::limits<Limits...>
  result<file> accept(Limits&&... limits) {
    return accept(static_cast<sockaddr*>(nullptr), static_cast<socklen_t*>(nullptr), std::forward<Limits>(limits)...);
  }
  template <class... Limits>
    requires detail::limits<Limits...>
  result<file> accept(sockaddr* address, socklen_t* size, Limits&&... limits) {
    if (file_ == nullptr) return closed();
    return detail::limited(
        [&](std::uint64_t ns, cw_abi_stop_wait* stop) -> result<file> {
          file made;
          const cw_status status = cw_abi_io_accept(file_, address, size, &made.file_, ns, stop);
          if (status != CW_OK) return status;
          return made;
        },
        std::forward<Limits>(limits)...);
  }

  // Connects, and waits until the connection is there. If it ended by time or stop, the attempt goes on in the kernel: close the file.
  template <class... Limits>
    requires detail::limits<Limits...>
  result<void> connect(const sockaddr* address, socklen_t size, Limits&&... limits) {
    if (file_ == nullptr) return closed();
    return detail::limited(
        [&, again = false](std::uint64_t ns, cw_abi_stop_wait* stop) mutable -> result<void> {
          const cw_status status = cw_abi_io_connect(file_, address, size, ns, stop);
          // Asked again because the clock was not there yet: a peer means that the attempt under way has succeeded meanwhile.
          sockaddr_storage peer;
          socklen_t room = sizeof peer;
          if (status == CW_E_SYSTEM && again && ::getpeername(fd(), reinterpret_cast<sockaddr*>(&peer), &room) == 0) return {};
          again = true;
          return status;
        },
        std::forward<Limits>(limits)...);
  }

  // Closes it: calls under way and later ones end with CW_E_CLOSED. The descriptor is closed now, or when the last such call has ended, so that
  // none of them meets a later owner of its number. Again: CW_E_CLOSED, and harmless.
  // Errors: CW_E_SYSTEM (close(2) failed, as after a write that could not be stored; it is closed all the same).
  result<void> close() noexcept {
    if (file_ == nullptr) return closed();
    return cw_abi_io_close(file_);
  }

  // Gives the descriptor back, blocking again if it was; the object is empty then. -1 if it was closed or is in use.
  int release() noexcept {
    int fd = -1;
    if (file_ == nullptr || cw_abi_io_release(file_, &fd) != CW_OK) return -1;
    cw_abi_io_destroy(std::exchange(file_, nullptr));
    return fd;
  }

  // The descriptor, for getsockopt and the like; -1 if there is none. Who closes it, or reads through it, does so at their own risk.
  int fd() const noexcept { return file_ != nullptr ? cw_abi_io_fd(file_) : -1; }
  explicit operator bool() const noexcept { return fd() >= 0; }

 private:
  static cw_status closed() noexcept { return cw_abi_set_last_error(CW_E_CLOSED, "io: the file has no descriptor"); }

  cw_abi_io_file* file_ = nullptr;
};

}  // namespace causeway::io

#endif  // CAUSEWAY_IO_HPP
