// SPDX-License-Identifier: MIT
//
// File: a descriptor that the library owns. It does not block, and keeps its edge-triggered registration from its first wait to its end, so a
// message costs no epoll_ctl.
//
// Each call tries first and waits only when there is nothing. What makes that safe are two counters, one per direction, of the events that
// came so far: a call reads its counter before it tries, and waits only while the counter still says the same.
//
//   INV-FILE1  What becomes ready after a call found nothing is an event that the call has not counted: it is counted before the wait (which
//              then does not begin) or comes during it. A registration that is only made for the wait reports at once what is ready.
//   INV-FILE2  found_empty_ names the count at which a read emptied the file: with that count the next read waits without trying. Only for TCP,
//              where a short read means that nothing was left, and only while no end, error or urgent byte was reported.
//   INV-FILE3  The number is closed once, by whoever leaves last after close(): nobody reads a number that belongs to somebody else by now.
//
// All who wait for a direction are woken by its event: one of them could take less than there is, and there is no second edge for the rest.
//
// Not chosen: a lock over each call (two green threads may read and write at once); waking one waiter; EPOLLONESHOT for each wait (a system
// call for each message).
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/io/wait.hpp"

namespace causeway::io {

class File {
 public:
  // Takes the descriptor over, and makes it non-blocking. On failure it stays the caller's.
  // Errors: CW_E_INVALID (not an open descriptor), CW_E_NOMEM, CW_E_SYSTEM
  static base::Result<File*> adopt(int fd) noexcept;
  // close(), and the end of the object, now or when the last call has left. Null is nothing.
  static void destroy(File* file) noexcept;

  // Each of these: threads: any, several at once. Signal-safe: no. Errors beside their own: CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_CLOSED (by
  // close(), before or during the call), CW_E_SYSTEM with the errno, and those of wait_until_ready().

  // What is there, up to n bytes; 0: the end, or n is 0.
  base::Result<size_t> read(void* to, size_t n, Limits limits) noexcept;
  // All n bytes, waiting as often as need be. Fewer if something ended it after the first; the next call tells what.
  base::Result<size_t> write(const void* from, size_t n, Limits limits) noexcept;
  base::Result<File*> accept(sockaddr* address, socklen_t* size, Limits limits) noexcept;
  // After a time-out the attempt goes on in the kernel: close the file.
  base::Result<void> connect(const sockaddr* address, socklen_t size, Limits limits) noexcept;

  // Ends all calls and waits of others with CW_E_CLOSED; the descriptor is closed now, or when the last of them has left. Again: CW_E_CLOSED.
  base::Result<void> close() noexcept;
  // Gives the descriptor back, as blocking as it was. Errors: CW_E_BUSY (somebody uses it), CW_E_CLOSED
  base::Result<int> release() noexcept;
  // -1 when closed or released.
  int fd() const noexcept { return (users_.load(std::memory_order_relaxed) & kClosing) == 0 ? fd_ : -1; }

  // An event came. Needs: the number's stripe
  void note_locked(uint32_t events) noexcept;

 private:
  enum class Kind : uint8_t { Other, Socket, Tcp };
  class Use;

  File(int fd, Kind kind, bool was_blocking) noexcept : fd_(fd), kind_(kind), was_blocking_(was_blocking) {}

  // close() was called: relaxed, a call that misses it sees it at its next step.
  bool closing() const noexcept { return (users_.load(std::memory_order_relaxed) & kClosing) != 0; }
  bool enter() noexcept;
  void leave() noexcept;
  // Leaves the table of watches. Needs: nobody uses the file, or comes to use it
  void unregister() noexcept;
  int end() noexcept;

  long try_read(void* to, size_t n, uint32_t count) noexcept;
  base::Result<void> wait(Direction direction, uint32_t seen_before, Limits& limits) noexcept;
  base::Result<void> nap(Limits& limits) noexcept;
  uint32_t seen(Direction direction) const noexcept { return count_[static_cast<unsigned>(direction)].load(std::memory_order_acquire); }

  static constexpr uint32_t kClosing = 1u << 31;  // no more calls; set once
  static constexpr uint32_t kEnded = 1u << 30;    // the number is given up; set once, after kClosing
  static constexpr uint32_t kOrphan = 1u << 29;   // the owner is gone; whoever sets the later one of these two deletes
  static constexpr uint32_t kUsers = kOrphan - 1;

  std::atomic<uint32_t> users_{0};
  const int fd_;
  std::atomic<uint32_t> count_[2]{};  // events so far, by Direction; written under the stripe's lock
  static constexpr uint64_t kKnown = uint64_t{1} << 32;
  std::atomic<uint64_t> found_empty_{0};  // kKnown and a count: INV-FILE2
  std::atomic<bool> ends_{false};         // an end, error or urgent byte was reported
  const Kind kind_;
  const bool was_blocking_;
};
static_assert(sizeof(File) <= 32, "a connection that waits costs its stack, a Watch, and this");

}  // namespace causeway::io
