// SPDX-License-Identifier: MIT
//
// The callbacks. Each one is an ordinary C++ function; causeway::entry<&f> is the C function pointer that runs it on a green thread,
// whichever thread calls and whichever stack that thread is on. The green thread has a stack of its own: what the host does with its
// stacks meanwhile (suspends them, runs others, continues them in another thread) does not touch a callback's locals.
#include "app/callbacks.hpp"

#include <causeway/causeway.hpp>

#include "check.h"

namespace app {
namespace {

// A callback's own locals and its green thread: at its end both must be what they were at its beginning.
class Intact {
 public:
  explicit Intact(std::uint64_t seed) : seed_(seed), green_(causeway::this_green::id()) {
    check_that(cw_on_green(), "a callback runs on a green thread");
    check_fill(&words_, seed_);
  }
  ~Intact() {
    check_that(causeway::this_green::id() == green_, "a callback ends on the green thread on which it began");
    check_words_of(&words_, seed_, "a callback's locals");
  }
  Intact(const Intact&) = delete;
  Intact& operator=(const Intact&) = delete;

 private:
  const std::uint64_t seed_, green_;
  check_words words_;
};

}  // namespace

Callbacks::Callbacks(Service& service, bool fault)
    : service_(service),
      fault_(fault),
      table_{causeway::entry<&tick>, causeway::entry<&ask>, causeway::entry<&descend>, causeway::entry<&pause>, this} {}

// The shortest one: what a call in costs.
int Callbacks::tick(int n) { return n + 1; }

// Parks twice: while the service's channel is full, and until the answer comes. The host's thread sleeps meanwhile; the runtime's do not.
std::uint64_t Callbacks::ask(void* user, std::uint64_t n) {
  const Intact intact(n);
  auto& self = *static_cast<Callbacks*>(user);
  const std::uint64_t answer = self.wait_for_answer(n);
  return self.fault_ && n % 1000 == 0 ? answer + 1 : answer;
}

std::uint64_t Callbacks::wait_for_answer(std::uint64_t n) {
  parked_.fetch_add(1, std::memory_order_relaxed);
  parked_now_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t answer = service_.ask(n);
  parked_now_.fetch_sub(1, std::memory_order_relaxed);
  return answer;
}

// Calls C, which calls back, and so on: a callback, below it a call to C, below that a callback. Each has a green thread of its own. At the
// bottom the coroutine that all of them share is suspended, and with it every one of them.
std::uint64_t Callbacks::descend(void* user, std::uint64_t depth) {
  const Intact intact(depth);
  auto& self = *static_cast<Callbacks*>(user);
  if (depth > 0) return depth + causeway::call(host_descend, &self.table_, depth - 1);
  causeway::call(host_pause);
  return 0;
}

// Suspends the coroutine in the middle of a catch block, and parks there when it goes on. Coroutines that are in theirs end in any order, and
// in other threads; C++ keeps the exception that is being handled per thread, but each callback finds its own.
std::uint64_t Callbacks::pause(void* user, std::uint64_t n) {
  const Intact intact(n);
  auto& self = *static_cast<Callbacks*>(user);
  try {
    throw n;
  } catch (std::uint64_t caught) {
    causeway::call(host_pause);
    check_that(self.wait_for_answer(n) == host_answer(n), "the answer to a callback that was suspended before");
    check_that(caught == n, "the exception that a suspended callback had caught");
    try {
      throw;
    } catch (std::uint64_t again) { return ~again; }
  }
}

}  // namespace app
