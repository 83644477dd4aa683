// SPDX-License-Identifier: MIT
//
// Coroutines of Boost.Coroutine2: a push_type is called to resume the body, which calls the pull_type that it was given to suspend itself.
#include <boost/coroutine2/coroutine.hpp>
#include <boost/coroutine2/fixedsize_stack.hpp>

#include <new>

#include "host/coro.h"

namespace {

namespace co = boost::coroutines2;
using coroutine = co::coroutine<void>;

struct coroutine2_coro : coro {
  coroutine::pull_type* outside = nullptr;  // on its own stack, while the body runs
  coroutine::push_type inside;

  coroutine2_coro(coro_body b, void* a)
      : coro{&coro_boost_coroutine2, b, a}, inside(co::fixedsize_stack(CORO_STACK_SIZE), [this](coroutine::pull_type& caller) {
          outside = &caller;
          body(arg);
        }) {}
};

coroutine2_coro& own(coro* self) { return *static_cast<coroutine2_coro*>(self); }

coro* create(coro_body body, void* arg) try { return new coroutine2_coro(body, arg); } catch (const std::bad_alloc&) {
  return nullptr;
}

int resume(coro* self) {
  coroutine2_coro& c = own(self);
  c.inside();
  return c.inside ? 1 : 0;
}

void suspend(coro* self) { (*own(self).outside)(); }

void destroy(coro* self) { delete &own(self); }

}  // namespace

const coro_kind coro_boost_coroutine2 = {"Boost.Coroutine2", create, resume, suspend, destroy};
