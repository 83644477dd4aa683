// SPDX-License-Identifier: MIT
//
// libFuzzer on callbacks, with libFuzzer's main as the host of the runtime. An input is a program: it makes callbacks with signatures of run time, owners
// and handles, calls code pointers in every way, closes things in the midst of it, and goes on inside the bodies, on other threads and on green threads.
//
// callback_model.hpp knows what each call must answer; the first difference ends the process with its text. At the end of an input all is closed, and the
// library counts what it did before.
#include <set>
#include <string_view>
#include <thread>

#include "bridge/outbound/outbound.hpp"
#include "causeway/causeway.hpp"
#include "tests/fuzz/callback_objects.hpp"

namespace callback_fuzz {

World* world;
Program* program;

namespace {

constexpr unsigned kMaxDepth = 6;
constexpr size_t kMaxCallbacks = 24;

struct Thrown : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void run(const Context& me);

Context inside(const Context& outer, Callback* callee, Out* out) {
  const bool green = out == nullptr;
  return {&outer, callee, green ? cw_green_id() : outer.id, green, out, outer.depth + 1};
}

// What leaves a body now: whom does it reach?
[[noreturn]] void throw_from(Frame& frame) {
  std::string text = "exception " + std::to_string(++world->exceptions);
  const Callback& callee = *frame.callee;
  if (callee.policy == CW_ON_EXCEPTION_TUNNEL && frame.out != nullptr && frame.out->thrown.empty()) frame.out->thrown = text;
  else world->uncaught.push_back(text);
  frame.result = callee.fallback;
  throw Thrown(text);
}

void body(void* result, void** args, void* user) {
  Frame* frame = world->now;
  auto* callee = static_cast<Callback*>(user);
  must(frame != nullptr && frame->callee == callee && !frame->began, "the body of the callback that is called runs, once");
  frame->began = true;
  const Signature& signature = callee->signature;
  for (unsigned i = 0; i < signature.count; ++i) must(frame->args[i].is(signature.argument(i), args[i]), "a body gets what was passed");
  const bool integer = signature.result != nullptr && signature.result->integer;
  if (integer) must(Value::zero(*signature.result).is(*signature.result, result), "a result of integers is zero before the body");

  ++callee->running;
  run(inside(*frame->from, callee, nullptr));
  --callee->running;
  const uint8_t how = program->next();
  if (how % 4 == 1 && callee->policy != CW_ON_EXCEPTION_TERMINATE) throw_from(*frame);
  if (signature.result == nullptr) return;
  frame->result = Value::zero(*signature.result);
  if (how % 4 == 2 && integer) return;
  frame->result = Value(*signature.result, how);
  std::memcpy(result, frame->result.bytes, signature.result->bytes);
}

void create(const Context&) {
  Callback made;
  made.signature = Signature(*program);
  const uint8_t how = program->next();
  const Type* result = made.signature.result;
  cw_callback_options options;
  must(cw_callback_options_init(&options) == CW_OK, "options are filled");
  options.name = "fuzzed";
  const bool is_struct = result != nullptr && result->text[0] == '{';
  const bool bare = (how & 15) == 0 && !is_struct;
  if (!bare) options.on_exception = made.policy = how % 3;
  if (result != nullptr) made.fallback = Value::zero(*result);
  if (result != nullptr && (is_struct || (how & 4) != 0)) {
    made.fallback = Value(*result, static_cast<uint8_t>(how + 1));
    options.fallback = made.fallback.bytes;
  }
  const Owner* owner = nullptr;
  if ((how & 8) != 0 && !world->owners.empty()) {
    made.owner = static_cast<int>(program->next() % world->owners.size());
    owner = &world->owners[static_cast<size_t>(made.owner)];
    options.owner = owner->handle;
  }
  if (world->callbacks.size() == kMaxCallbacks) return;
  Callback& callback = world->callbacks.emplace_back(std::move(made));
  const cw_status status =
      cw_callback_create(callback.signature.text.c_str(), body, &callback, bare ? nullptr : &options, &callback.handle);
  const cw_status expected = owner == nullptr ? CW_OK : !owner->named ? CW_E_STALE : owner->closed ? CW_E_CLOSED : CW_OK;
  must(status == expected, "a callback is made, or its owner is closed");
  if (status != CW_OK) {
    world->callbacks.pop_back();
    return;
  }
  must(cw_callback_code(callback.handle, &callback.code) == CW_OK, "a callback has a code pointer");
  Callback*& at = world->at[callback.code];
  must(at == nullptr || (!at->open && at->running == 0), "a code pointer has one callback at a time");
  at = &callback;
  static std::set<Code> all;
  all.insert(callback.code);
  must(all.size() <= kFirstTable, "code pointers are used again");
}

// Calls the function of `frame` from `me`: as a function of a signature, or as it is.
void call_code(const Context& me, Frame& frame, unsigned how, Out& out) {
  const Signature& signature = frame.callee->signature;
  void* args[kMaxArguments];
  for (unsigned i = 0; i < signature.count; ++i) args[i] = frame.args[i].bytes;
  Value result;
  if (how % 4 == 3) {
    causeway::outbound::SignatureError error;
    const auto* known = causeway::outbound::intern_signature(signature.text, causeway::outbound::SignatureUse::CallIn, nullptr, error);
    causeway::outbound::invoke_function(*known, reinterpret_cast<const void*>(frame.callee->code), result.bytes, args);
  } else {
    cw_function function = 0;
    must(cw_function_create(signature.text.c_str(), frame.callee->code, how % 2 == 0 ? CW_QUICK : CW_BLOCKING, &function) == CW_OK,
         "a function is made of a code pointer");
    ++world->functions;
    const cw_status status = cw_function_call(function, result.bytes, args);
    if (me.green && !out.thrown.empty()) {
      must(status == CW_E_PANIC, "a call out tells of what a callback left for it");
      must(std::string_view(cw_last_error()).ends_with(out.thrown), "it is the first exception that counts");
    } else {
      must(status == CW_OK, "a call of a code pointer is done");
    }
    must(cw_function_close(function) == CW_OK && cw_function_call(function, nullptr, nullptr) == CW_E_STALE, "a function is closed");
    --world->functions;
  }
  if (signature.result != nullptr) must(frame.result.is(*signature.result, result.bytes), "C gets what the callback gave, or its fallback");
  if (how % 4 != 3) must(result.unwritten_from(signature.result_bytes()), "a result is written as declared");
}

void call(const Context& me, Callback& picked, unsigned how) {
  Callback* callee = world->at[picked.code];
  if (callee->signature.text != picked.signature.text) return;  // a C program must not: the pointer was used again
  Out out;
  Frame frame{callee, &me, !me.green ? me.out : how % 4 == 3 ? nullptr : &out};
  for (unsigned i = 0; i < callee->signature.count; ++i) frame.args[i] = Value(callee->signature.argument(i), program->next());
  const bool open = callee->open;
  if (!open) {
    frame.result = callee->fallback;
    ++world->dead_calls;
    if (!callee->told) ++world->told;
    callee->told = true;
  }
  Frame* const before = std::exchange(world->now, &frame);
  call_code(me, frame, how, out);
  world->now = before;
  must(frame.began == open, "a body runs until the callback is closed, and not after");
  must(world->uncaught.empty(), "the error handler gets each exception that nobody else does");
}

// Goes on in C code below a call out, which may throw itself. From C that is a plain call.
void call_out(const Context& me) {
  const uint8_t how = program->next();
  Out out;
  std::string own;
  const auto in_c = [&] {
    const Context c{&me, nullptr, me.id, false, me.green ? &out : me.out, me.depth + 1};
    run(c);
    if ((how & 2) == 0) return;
    own = "own exception " + std::to_string(++world->exceptions);
    if (!out.thrown.empty()) world->uncaught.push_back(own);
    throw Thrown(own);
  };
  std::string caught;
  try {
    if ((how & 1) == 0) causeway::call(in_c);
    else causeway::call_blocking(in_c);
  } catch (const Thrown& thrown) { caught = thrown.what(); }
  must(caught == (out.thrown.empty() ? own : out.thrown), "a C++ frame above gets the first exception of its call out");
  must(world->uncaught.empty(), "what is thrown on top of that goes to the error handler");
}

void on_thread(const Context& me) {
  if (++world->threads > 2) return;
  const auto start = [&me] { std::thread([&me] { run({nullptr, nullptr, 0, false, nullptr, me.depth + 1}); }).join(); };
  if (me.green) causeway::call_blocking(start);
  else start();
}

void run_green(void* depth) { run({nullptr, nullptr, cw_green_id(), true, nullptr, *static_cast<unsigned*>(depth)}); }

void on_green(const Context& me) {
  unsigned depth = me.depth + 1;
  cw_green green = 0;
  must(cw_green_spawn(run_green, &depth, nullptr, &green) == CW_OK, "a green thread is spawned");
  ++world->greens;
  must(cw_green_join(green, CW_FOREVER) == CW_OK, "and joined");
  --world->greens;
}

void enter(const Context& me) {
  const auto fn = [](void* outer) { run(inside(*static_cast<const Context*>(outer), nullptr, nullptr)); };
  must(cw_enter(fn, const_cast<Context*>(&me)) == CW_OK, "a thread enters");
}

void run(const Context& me) {
  if (me.depth > kMaxDepth) return;
  must((cw_on_green() != 0) == me.green, "managed code is on a green thread, C code is not");
  while (program->step()) {
    const uint8_t op = program->next() % 24;
    if (op == 0) return;
    if (op < 4) create(me);
    else if (op < 9) {
      const uint8_t which = program->next();
      if (!world->callbacks.empty()) call(me, world->callbacks[which / 4 % world->callbacks.size()], which);
    } else if (op == 9) call_out(me);
    else if (op == 10) on_thread(me);
    else if (op == 11) on_green(me);
    else if (op == 12) enter(me);
    else if (op == 13) must(cw_green_yield() == CW_OK, "a yield is done");
    else objects_step(me, op - 14);
  }
}

}  // namespace

}  // namespace callback_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace callback_fuzz;
  static const bool started = (start_host(), true);
  static_cast<void>(started);
  World all;
  Program bytes{data, data + size};
  world = &all;
  program = &bytes;
  const Counts before = count();
  const Context host{nullptr, nullptr, kHostThread, false, nullptr, 0};
  while (bytes.step()) run(host);
  close_all(host);
  bytes.at = bytes.end;
  for (const auto& [code, callback] : all.at) call(host, *callback, 0);
  check_counts(before);
  must(all.log_lines == all.told, "the first late call of each callback is logged");
  return 0;
}
