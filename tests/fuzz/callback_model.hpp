// SPDX-License-Identifier: MIT
//
// What callback_fuzz.cc expects: every object that a program has made, as plain data, and where each stack of it stands.
//
// Threads take turns: whoever makes another one run waits for its end. So the model needs no lock, and each answer is the only right one.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "causeway/causeway.h"
#include "tests/fuzz/callback_values.hpp"

namespace callback_fuzz {

using Code = void (*)();

struct Callback {
  Signature signature;
  cw_callback handle = 0;
  Code code = nullptr;
  int policy = CW_ON_EXCEPTION_TERMINATE;
  Value fallback;  // zero if it has none
  int owner = -1;
  bool named = true;     // the handle is good
  bool open = true;      // it was not closed
  bool told = false;     // of a call after the end, in the log
  unsigned running = 0;  // calls in progress
};

struct Owner {
  cw_owner handle = 0;
  bool named = true, closed = false;
};

struct Object {
  cw_handle handle = 0;
  uint32_t kind = 0;
  bool named = true;
  std::map<uint64_t, unsigned> holds;  // by Context::id
};

// A call out: the first exception that was left for it.
struct Out {
  std::string thrown;
};

// Code that runs: a body, C code below a call out, a thread.
struct Context {
  const Context* outer;  // whom this one returns to, on the same OS thread
  Callback* callee;      // whose body it is
  uint64_t id;           // of the green thread, also in the C code that it called, or of the OS thread
  bool green;
  Out* out;  // C code: the call out that it is below
  unsigned depth;

  bool is_inside(const Callback& callback) const {
    for (const Context* each = this; each != nullptr; each = each->outer)
      if (each->callee == &callback) return true;
    return false;
  }
  bool is_or_is_below(uint64_t holder) const {
    for (const Context* each = this; each != nullptr; each = each->outer)
      if (each->id == holder) return true;
    return false;
  }
};

// A call of a callback that is under way.
struct Frame {
  Frame(Callback* called, const Context* caller, Out* to) : callee(called), from(caller), out(to) {}
  Callback* callee;
  const Context* from;
  Out* out;  // who gets what a body leaves with CW_ON_EXCEPTION_TUNNEL; null: the error handler
  Value args[kMaxArguments];
  bool began = false;
  Value result;  // what C is to get
};

struct World {
  std::deque<Callback> callbacks;
  std::deque<Owner> owners;
  std::deque<Object> objects;
  std::map<Code, Callback*> at;  // whose a code pointer is, or was last
  std::deque<std::string> uncaught;
  Frame* now = nullptr;
  uint64_t functions = 0, greens = 0;  // handles that calls under way have
  uint64_t dead_calls = 0, told = 0;   // expected of the counter, and of the log
  uint64_t log_lines = 0;
  uint64_t exceptions = 0;
  unsigned threads = 0;

  uint64_t handles() const {
    uint64_t n = functions + greens;
    for (const Callback& each : callbacks) n += each.named;
    for (const Owner& each : owners) n += each.named;
    for (const Object& each : objects) n += each.named;
    return n;
  }
  uint64_t open_callbacks() const {
    uint64_t n = 0;
    for (const Callback& each : callbacks) n += each.open;
    return n;
  }
};

}  // namespace callback_fuzz
