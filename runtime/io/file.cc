// SPDX-License-Identifier: MIT
#include "runtime/io/file.hpp"

#include <netinet/in.h>

#include <cerrno>
#include <new>

#include "runtime/io/errors.hpp"
#include "runtime/io/poller.hpp"
#include "runtime/io/watches.hpp"

namespace causeway::io {

namespace {

constexpr uint64_t kNapNs = 1'000'000;

// A signal handler that interrupted the runtime may have interrupted the holder of any lock. (On a plain thread the wait finds out.)
bool interrupted_runtime() noexcept {
  const sched::M* m = sched::this_m();
  return m != nullptr && m->gate.in_runtime();
}

}  // namespace

// One call that uses the file.
class File::Use {
 public:
  explicit Use(File& file) noexcept : file_(file) {
    if (interrupted_runtime()) status_ = CW_E_ASYNC;
    else if (!file.enter()) status_ = CW_E_CLOSED;
  }
  ~Use() {
    if (status_ == CW_OK) file_.leave();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  bool ok() const noexcept { return status_ == CW_OK; }
  base::Error error() const noexcept { return error_of(status_); }

 private:
  File& file_;
  cw_status status_ = CW_OK;
};

base::Result<File*> File::adopt(int fd) noexcept {
  const int blocking = os::is_blocking(fd);
  if (blocking == -EBADF) return not_open();
  if (blocking < 0) return system_error("io: the descriptor's flags cannot be read", blocking);
  Kind kind = Kind::Other;
  if (os::socket_option(fd, SO_TYPE) >= 0) {
    const int domain = os::socket_option(fd, SO_DOMAIN);
    const bool tcp = (domain == AF_INET || domain == AF_INET6) && os::socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP;
    kind = tcp && !os::has_upper_protocol(fd) ? Kind::Tcp : Kind::Socket;
  }
  auto* file = new (std::nothrow) File(fd, kind, blocking != 0);
  if (file == nullptr) return base::fail(CW_E_NOMEM, "io: no memory for a file");
  if (blocking != 0) {
    if (const int answer = os::set_blocking(fd, false); answer < 0) {
      delete file;
      return system_error("io: the descriptor cannot be made non-blocking", answer);
    }
  }
  return file;
}

void File::destroy(File* file) noexcept {
  if (file == nullptr) return;
  static_cast<void>(file->close());
  // acq_rel: what the last user did; pairs with the exchange in end().
  if ((file->users_.fetch_or(kOrphan, std::memory_order_acq_rel) & kEnded) != 0) delete file;
}

bool File::enter() noexcept {
  uint32_t users = users_.load(std::memory_order_relaxed);  // checked by the exchange
  do {
    if ((users & kClosing) != 0) return false;
    // relaxed: the object was published by whoever gave it to us.
  } while (!users_.compare_exchange_weak(users, users + 1, std::memory_order_relaxed, std::memory_order_relaxed));
  return true;
}

void File::leave() noexcept {
  // acq_rel: our use comes before the end, whoever makes it.
  const uint32_t before = users_.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & kUsers) == 1 && (before & kClosing) != 0) [[unlikely]]
    static_cast<void>(end());
}

void File::unregister() noexcept {
  sched::WaitScope scope;  // ready() is called inside the runtime
  Stripe& stripe = stripe_of(fd_);
  Woken woken;
  {
    const base::LockGuard guard(stripe.lock);
    if (!stripe.up) return;
    Watch* watch = find_watch(fd_);
    if (watch == nullptr || watch->file != this) return;
    wake_all(*watch, CW_E_CLOSED, woken);
    disarm(*watch, fd_);
    watch->file = nullptr;  // INV-IO3
  }
  woken.ready_all();
}

// INV-FILE3: called once, by the last user after close(), or by close() itself. 0 or -errno of close(2).
int File::end() noexcept {
  unregister();
  const int answer = os::close_descriptor(fd_);
  // acq_rel: pairs with the exchange in destroy(): who comes second deletes, after all that the first did.
  if ((users_.fetch_or(kEnded, std::memory_order_acq_rel) & kOrphan) != 0) delete this;
  return answer;
}

base::Result<void> File::close() noexcept {
  if (interrupted_runtime()) return error_of(CW_E_ASYNC);
  // acq_rel: as leave(); a call that fails to enter sees what we did before.
  const uint32_t before = users_.fetch_or(kClosing, std::memory_order_acq_rel);
  if ((before & kClosing) != 0) return error_of(CW_E_CLOSED);
  if ((before & kUsers) == 0) {
    const int answer = end();
    if (answer < 0 && answer != -EINTR) return system_error("io: close", answer);
    return {};
  }
  sched::WaitScope scope;
  Stripe& stripe = stripe_of(fd_);
  Woken woken;
  {
    // Who has not begun to wait yet takes this lock later, and sees kClosing.
    const base::LockGuard guard(stripe.lock);
    Watch* watch = stripe.up ? find_watch(fd_) : nullptr;
    if (watch != nullptr && watch->file == this) wake_all(*watch, CW_E_CLOSED, woken);
  }
  woken.ready_all();
  return {};
}

base::Result<int> File::release() noexcept {
  if (interrupted_runtime()) return error_of(CW_E_ASYNC);
  uint32_t nobody = 0;
  if (!users_.compare_exchange_strong(nobody, kClosing, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    if ((nobody & kClosing) != 0) return error_of(CW_E_CLOSED);
    return base::fail(CW_E_BUSY, "io: a file that somebody uses is not released; close it");
  }
  unregister();
  if (was_blocking_) static_cast<void>(os::set_blocking(fd_, true));
  users_.fetch_or(kEnded, std::memory_order_release);
  return fd_;
}

void File::note_locked(uint32_t events) noexcept {
  // relaxed: published by the counts.
  if ((events & (EPOLLRDHUP | EPOLLPRI | kEnds)) != 0) ends_.store(true, std::memory_order_relaxed);
  const auto add = [](std::atomic<uint32_t>& count) noexcept {
    // release: what the event means, and ends_; pairs with the acquire in seen(). Only written under the stripe's lock.
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  };
  if ((events & (kReadEvents | kEnds)) != 0) add(count_[static_cast<unsigned>(Direction::Read)]);
  if ((events & (kWriteEvents | kEnds)) != 0) add(count_[static_cast<unsigned>(Direction::Write)]);
}

// For what gives EAGAIN and cannot be waited for.
base::Result<void> File::nap(Limits& limits) noexcept {
  sched::WaitScope scope;
  if (scope.async()) return error_of(scope.refusal());
  const uint64_t soon = sched::deadline_after(kNapNs);
  const bool last = limits.deadline() <= soon;
  const sched::WaitEnd end = scope.sleep({.deadline_ns = last ? limits.deadline() : soon,
                                          .cancellable = true,
                                          .what = "a descriptor that cannot be waited for",
                                          .stop = limits.stop});
  if (end == sched::WaitEnd::Cancelled) return error_of(CW_E_CANCELLED);
  if (last) return error_of(CW_E_TIMEOUT);
  return {};
}

// Waits for the next event after `seen`. Success: try again.
base::Result<void> File::wait(Direction direction, uint32_t seen_before, Limits& limits) noexcept {
  if (limits.timeout_ns == 0) return error_of(CW_E_TIMEOUT);
  if (auto poller = ensure_poller(); !poller) return poller.error();
  int answer = 0;
  {
    sched::WaitScope scope;
    if (scope.async()) return error_of(scope.refusal());
    Stripe& stripe = stripe_of(fd_);
    stripe.lock.lock();
    const bool closing = (users_.load(std::memory_order_relaxed) & kClosing) != 0;  // relaxed: close() takes the lock after it
    Watch* watch = closing || !stripe.up ? nullptr : make_watch(fd_);
    if (watch == nullptr) {
      const bool up = stripe.up;
      stripe.lock.unlock();
      if (closing) return error_of(CW_E_CLOSED);
      if (up) return error_of(CW_E_NOMEM);
      return {};  // the runtime stopped in between
    }
    const uint32_t events = events_for(direction);
    if (watch->file != this || (watch->events & events) == 0) {
      // Both directions at once only where the other one makes no events of its own accord: a pipe tells its writers of each read.
      const uint32_t mine = watch->file == this ? watch->events | events : kind_ == Kind::Tcp ? kReadEvents | kWriteEvents : events;
      Woken woken;
      answer = arm(*watch, fd_, mine | watch->wanted() | EPOLLET, woken);
      if (answer == 0) watch->file = this;
      if (!woken.empty()) woken.ready_all();
    } else if (seen(direction) != seen_before) {
      stripe.lock.unlock();
      return {};  // INV-FILE1
    }
    if (answer == 0) {
      const cw_status status = park(scope, stripe, *watch, fd_, direction, limits);
      if (status == CW_OK) return {};
      return error_of(status);
    }
    stripe.lock.unlock();
  }
  if (answer == -EPERM) return nap(limits);
  return error_of_registration(-answer);
}

// One read. A short one of a stream empties it: the next read with the same count need not try.
long File::try_read(void* to, size_t n, uint32_t count) noexcept {
  const long got = os::read_some(fd_, to, n);
  // relaxed: it names a count, which was acquired; ends_ was stored before that count.
  if (kind_ == Kind::Tcp && got > 0 && static_cast<size_t>(got) < n && !ends_.load(std::memory_order_relaxed))
    found_empty_.store(kKnown | count, std::memory_order_relaxed);  // INV-FILE2
  return got;
}

base::Result<size_t> File::read(void* to, size_t n, Limits limits) noexcept {
  const Use use(*this);
  if (!use.ok()) return use.error();
  if (n == 0) return size_t{0};
  for (;;) {
    const uint32_t count = seen(Direction::Read);
    const bool empty = limits.timeout_ns != 0 && found_empty_.load(std::memory_order_relaxed) == (kKnown | count);
    if (!empty) {
      const long got = try_read(to, n, count);
      if (got >= 0) return static_cast<size_t>(got);
      if (got != -EAGAIN) return system_error("io: read", got);
    }
    const auto waited = wait(Direction::Read, count, limits);
    if (waited) continue;
    // What has come meanwhile goes before the end of a wait that began without a try.
    if (empty && waited.error().code != CW_E_CLOSED) {
      const long got = try_read(to, n, count);
      if (got >= 0) return static_cast<size_t>(got);
    }
    return waited.error();
  }
}

base::Result<size_t> File::write(const void* from, size_t n, Limits limits) noexcept {
  const Use use(*this);
  if (!use.ok()) return use.error();
  const auto* bytes = static_cast<const std::byte*>(from);
  size_t done = 0;
  for (;;) {
    const uint32_t count = seen(Direction::Write);
    const long put = kind_ == Kind::Other ? os::write_some(fd_, bytes + done, n - done) : os::send_some(fd_, bytes + done, n - done);
    if (put >= 0) {
      done += static_cast<size_t>(put);
      if (done == n || put == 0 || closing()) return done;
      continue;
    }
    if (put != -EAGAIN) {
      if (done != 0) return done;
      return system_error("io: write", put);
    }
    if (const auto waited = wait(Direction::Write, count, limits); !waited) {
      if (done != 0) return done;
      return waited.error();
    }
  }
}

base::Result<File*> File::accept(sockaddr* address, socklen_t* size, Limits limits) noexcept {
  const Use use(*this);
  if (!use.ok()) return use.error();
  const socklen_t room = size != nullptr ? *size : 0;
  for (;;) {
    const uint32_t count = seen(Direction::Read);
    if (size != nullptr) *size = room;
    const int fd = os::accept_one(fd_, address, size);
    if (fd >= 0) {
      auto* file = new (std::nothrow) File(fd, kind_, false);
      if (file != nullptr) return file;
      os::close_descriptor(fd);
      return base::fail(CW_E_NOMEM, "io: no memory for a file");
    }
    if (fd == -ECONNABORTED || fd == -EPROTO) continue;  // that one is gone; there may be more
    if (fd != -EAGAIN) return system_error("io: accept", fd);
    if (const auto waited = wait(Direction::Read, count, limits); !waited) return waited.error();
  }
}

base::Result<void> File::connect(const sockaddr* address, socklen_t size, Limits limits) noexcept {
  const Use use(*this);
  if (!use.ok()) return use.error();
  for (bool under_way = false;;) {
    const uint32_t count = seen(Direction::Write);
    // Asked again, the kernel tells how the attempt under way has ended.
    const int answer = os::connect_once(fd_, address, size);
    if (answer == 0 || (answer == -EISCONN && under_way)) return {};
    if (answer == -EINPROGRESS || answer == -EALREADY) {
      under_way = true;
      if (const auto waited = wait(Direction::Write, count, limits); !waited) return waited.error();
    } else if (answer == -EAGAIN) {  // a local socket whose listener's queue is full; no event tells when that changes
      if (limits.timeout_ns == 0) return error_of(CW_E_TIMEOUT);
      if (const auto waited = nap(limits); !waited) return waited.error();
      if (closing()) return error_of(CW_E_CLOSED);  // a nap is nobody's to end
    } else {
      return system_error("io: connect", answer);
    }
  }
}

}  // namespace causeway::io
