// SPDX-License-Identifier: MIT
#include "runtime/io/wait.hpp"

#include <poll.h>

#include <cerrno>

#include "runtime/io/errors.hpp"
#include "runtime/io/poller.hpp"
#include "runtime/io/watches.hpp"

namespace causeway::io {

namespace {

enum class Asked : uint8_t { Ready, Waited, Again };

// One attempt: registers and waits. Again: the runtime stopped in between.
base::Result<Asked> wait_once(int fd, Direction direction, Limits& limits) noexcept {
  if (auto poller = ensure_poller(); !poller) return poller.error();
  sched::WaitScope scope;
  if (scope.async()) return error_of(scope.refusal());
  Stripe& stripe = stripe_of(fd);
  stripe.lock.lock();
  if (!stripe.up) {
    stripe.lock.unlock();
    return Asked::Again;
  }
  Watch* watch = make_watch(fd);
  if (watch == nullptr) {
    stripe.lock.unlock();
    return error_of(CW_E_NOMEM);
  }
  // A File's registration is armed anew: that makes an event of what is ready already.
  const uint32_t events = events_for(direction);
  Woken woken;
  const int answer = arm(*watch, fd, watch->file != nullptr ? watch->events | events : watch->wanted() | events | EPOLLONESHOT, woken);
  if (!woken.empty()) woken.ready_all();
  if (answer < 0) {
    stripe.lock.unlock();
    if (answer == -EPERM) return Asked::Ready;  // of a kind that epoll does not take, as a regular file
    if (answer == -EBADF) return not_open();
    return error_of_registration(-answer);
  }
  const cw_status status = park(scope, stripe, *watch, fd, direction, limits);
  if (status == CW_OK) return Asked::Waited;
  return error_of(status);
}

}  // namespace

base::Result<void> wait_until_ready(int fd, Direction direction, Limits limits) noexcept {
  // The first look also tells what is no open descriptor, and what can never be waited for.
  const int there = os::poll_once(fd, direction == Direction::Read ? POLLIN | POLLRDHUP | POLLPRI : POLLOUT);
  if (fd < 0 || (there >= 0 && (there & POLLNVAL) != 0)) return not_open();
  if (there < 0) return base::fail(CW_E_SYSTEM, "io: poll failed", -there);
  if (there != 0) return {};
  if (limits.timeout_ns == 0) return error_of(CW_E_TIMEOUT);
  for (;;) {
    const auto asked = wait_once(fd, direction, limits);
    if (!asked) return asked.error();
    if (*asked != Asked::Again) return {};
  }
}

}  // namespace causeway::io
