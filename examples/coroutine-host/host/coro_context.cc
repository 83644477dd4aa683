// SPDX-License-Identifier: MIT
//
// Coroutines of Boost.Context: a fiber is the right to continue a stack, and each switch uses it up and leaves a new one behind.
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>

#include <memory>
#include <new>
#include <utility>

#include "host/coro.h"

namespace {

namespace bc = boost::context;

struct context_coro : coro {
  bc::fiber inside;   // where it goes on; empty while it runs
  bc::fiber outside;  // whoever resumed it; empty while it is suspended

  context_coro(coro_body b, void* a) : coro{&coro_boost_context, b, a} {
    inside = bc::fiber(std::allocator_arg, bc::fixedsize_stack(CORO_STACK_SIZE), [this](bc::fiber&& caller) {
      outside = std::move(caller);
      body(arg);
      return std::move(outside);
    });
  }
};

context_coro& own(coro* self) { return *static_cast<context_coro*>(self); }

coro* create(coro_body body, void* arg) try { return new context_coro(body, arg); } catch (const std::bad_alloc&) {
  return nullptr;
}

int resume(coro* self) {
  context_coro& c = own(self);
  c.inside = std::move(c.inside).resume();
  return c.inside ? 1 : 0;
}

void suspend(coro* self) {
  context_coro& c = own(self);
  c.outside = std::move(c.outside).resume();
}

void destroy(coro* self) { delete &own(self); }

}  // namespace

const coro_kind coro_boost_context = {"Boost.Context", create, resume, suspend, destroy};
