// SPDX-License-Identifier: MIT
#include "tests/fuzz/callback_objects.hpp"

#include <string_view>

namespace callback_fuzz {

namespace {

constexpr size_t kMaxObjects = 16;

template <class T>
T* pick(std::deque<T>& from) {
  const uint8_t which = program->next();
  return from.empty() ? nullptr : &from[which % from.size()];
}

void close(Callback& callback) {
  must(cw_callback_close(callback.handle) == (callback.named ? CW_OK : CW_E_STALE), "a callback is closed once");
  callback.named = callback.open = false;
}

void close_and_wait(const Context& me, Callback& callback) {
  const cw_status status = cw_callback_close_and_wait(callback.handle, 0);
  if (!callback.named) {
    must(status == CW_E_STALE, "a closed callback's handle is stale");
  } else if (me.is_inside(callback)) {
    must(status == CW_E_STATE, "nobody waits for a callback from inside it");
  } else {
    must(status == (callback.running != 0 ? CW_E_TIMEOUT : CW_OK), "a wait is over when no call is in progress");
    callback.open = false;
    callback.named = callback.running != 0;
  }
}

void close_owner(const Context& me, size_t which) {
  Owner& owner = world->owners[which];
  bool inside = false, running = false;
  const auto is_its = [which](const Callback& each) { return each.owner == static_cast<int>(which); };
  for (const Callback& each : world->callbacks) {
    if (!is_its(each)) continue;
    inside |= me.is_inside(each);
    running |= each.running != 0;
  }
  const cw_status status = cw_owner_close(owner.handle, 0);
  if (!owner.named) {
    must(status == CW_E_STALE, "a closed owner's handle is stale");
    return;
  }
  if (inside) {
    must(status == CW_E_STATE, "nobody closes an owner from inside its callbacks");
    return;
  }
  must(status == (running ? CW_E_TIMEOUT : CW_OK), "an owner is closed when none of its callbacks runs");
  owner.closed = true;
  owner.named = running;
  for (Callback& each : world->callbacks) {
    if (!is_its(each)) continue;
    each.open = false;
    if (!running) each.named = false;
  }
}

void make_object() {
  if (world->objects.size() == kMaxObjects) return;
  Object& object = world->objects.emplace_back();
  object.kind = program->next();
  must(cw_handle_create(&object, object.kind, &object.handle) == CW_OK, "a handle is made");
}

cw_status expected_of(const Object& object, uint32_t kind) { return !object.named ? CW_E_STALE : object.kind != kind ? CW_E_TYPE : CW_OK; }

void get(const Context& me, Object& object, uint32_t kind, bool acquire) {
  if (acquire && me.id == 0) return;  // the next thread might have its identity
  void* p = nullptr;
  const cw_status status = acquire ? cw_handle_acquire(object.handle, kind, &p) : cw_handle_get(object.handle, kind, &p);
  must(status == expected_of(object, kind), "a handle is good until its release, for its kind");
  must(p == (status == CW_OK ? &object : nullptr), "a handle gives its own object");
  if (acquire && status == CW_OK) ++object.holds[me.id];
}

void unacquire(const Context& me, Object& object) {
  auto hold = object.holds.find(me.id);
  if (hold == object.holds.end()) {
    if (object.holds.size() > 1) return;  // one of them, but who knows which
    hold = object.holds.begin();
  }
  const bool held = hold != object.holds.end();
  must(cw_handle_unacquire(object.handle) == (!object.named ? CW_E_STALE : held ? CW_OK : CW_E_STATE), "what was acquired is given back");
  if (held && --hold->second == 0) object.holds.erase(hold);
}

void release(const Context& me, Object& object, uint32_t kind) {
  bool own = false;
  for (const auto& [holder, times] : object.holds) own |= me.is_or_is_below(holder);
  cw_status expected = expected_of(object, kind);
  if (expected == CW_OK && !object.holds.empty()) {
    if (!own) return;  // it would wait for somebody who waits for us
    expected = CW_E_STATE;
  }
  must(cw_handle_release(object.handle, kind) == expected, "a handle is released when nobody has acquired the object");
  if (expected == CW_OK) object.named = false;
}

// A handle for a function of another kind, or one that nobody was given.
void forge() {
  const uint8_t how = program->next();
  const uint8_t bit = program->next() % 64;
  uint64_t handle = 0;
  if (how % 3 == 0 && !world->callbacks.empty()) handle = pick(world->callbacks)->handle;
  else if (how % 3 == 1 && !world->owners.empty()) handle = pick(world->owners)->handle;
  else if (how % 3 == 2 && !world->objects.empty()) handle = pick(world->objects)->handle;
  const bool changed = (how & 0x80) != 0;
  if (changed) handle ^= uint64_t{1} << bit;
  void* p = nullptr;
  Code code = nullptr;
  // Those of the handle's own kind are left out where it is a good one.
  cw_status answers[] = {CW_E_TYPE, CW_E_TYPE, CW_E_TYPE, CW_E_TYPE};
  answers[0] = cw_function_call(handle, nullptr, nullptr);
  if (changed || how % 3 != 0) answers[1] = (how & 0x40) != 0 ? cw_callback_code(handle, &code) : cw_callback_close(handle);
  if (changed || how % 3 != 1) answers[2] = cw_owner_close(handle, 0);
  if (changed || how % 3 != 2) answers[3] = (how & 0x20) != 0 ? cw_handle_get(handle, 0, &p) : cw_handle_release(handle, 0);
  for (const cw_status each : answers) {
    if (changed || handle == 0) must(each == CW_E_HANDLE || each == CW_E_STALE || each == CW_E_TYPE, "a forged handle is refused");
    else must(each == CW_E_TYPE, "a handle of another kind is refused");
  }
}

void on_log(int, const char* text, size_t length, void*) {
  if (std::string_view(text, length).find("was closed and is called still") != std::string_view::npos) ++world->log_lines;
}

void on_error(cw_status status, const char*, const char* text, void*) {
  must(status == CW_E_PANIC && !world->uncaught.empty() && world->uncaught.front() == text,
       "the error handler gets what is for nobody else");
  world->uncaught.pop_front();
}

}  // namespace

void start_host() {
  cw_options options;
  must(cw_options_init(&options) == CW_OK, "options are filled");
  options.processors = 2;
  options.stack_size = 256 * 1024;  // sanitizers
  must(cw_runtime_start(&options) == CW_OK, "the runtime starts");
  must(cw_log_set(on_log, nullptr) == CW_OK && cw_error_handler_set(on_error, nullptr) == CW_OK, "handlers are set");
  // From here on each code pointer is an old one, as in a program that has run for long.
  for (size_t i = 0; i < kFirstTable; ++i) {
    cw_callback callback = 0;
    must(cw_callback_create("void()", [](void*, void**, void*) {}, nullptr, nullptr, &callback) == CW_OK, "a callback is made");
    must(cw_callback_close(callback) == CW_OK, "and closed");
  }
  std::atexit([] { must(cw_runtime_stop(10'000'000'000) == CW_OK, "the runtime stops"); });
}

void objects_step(const Context& me, unsigned step) {
  if (step == 0 || step == 1) {
    Callback* callback = pick(world->callbacks);
    if (callback == nullptr) return;
    if (step == 0) close(*callback);
    else close_and_wait(me, *callback);
  } else if (step == 2) {
    if (world->owners.size() == kMaxObjects) return;
    must(cw_owner_create("fuzzed", &world->owners.emplace_back().handle) == CW_OK, "an owner is made");
  } else if (step == 3) {
    const uint8_t which = program->next();
    if (!world->owners.empty()) close_owner(me, which % world->owners.size());
  } else if (step == 4) {
    make_object();
  } else if (step == 9) {
    forge();
  } else if (Object* object = pick(world->objects)) {
    const uint8_t kind = program->next();
    const uint32_t asked = kind % 4 == 0 ? kind : object->kind;
    if (step == 5) get(me, *object, asked, false);
    else if (step == 6) get(me, *object, asked, true);
    else if (step == 7) unacquire(me, *object);
    else release(me, *object, asked);
  }
}

void close_all(const Context& host) {
  for (Object& object : world->objects) {
    while (!object.holds.empty()) {
      must(cw_handle_unacquire(object.handle) == CW_OK, "another one's acquisition is given back");
      if (auto hold = object.holds.begin(); --hold->second == 0) object.holds.erase(hold);
    }
    if (object.named) must(cw_handle_unacquire(object.handle) == CW_E_STATE, "no more than was acquired is given back");
    release(host, object, object.kind);
  }
  bool wait = false;
  for (Callback& callback : world->callbacks) {
    if (callback.owner >= 0 || !callback.named) continue;
    wait = !wait;
    if (wait) close_and_wait(host, callback);
    else close(callback);
  }
  for (size_t i = 0; i < world->owners.size(); ++i) close_owner(host, i);
}

Counts count() {
  cw_stats stats;
  must(cw_stats_init(&stats) == CW_OK && cw_runtime_stats(&stats) == CW_OK, "the library counts");
  return {stats.handles_live, stats.callbacks_live, stats.callbacks_dead_called};
}

void check_counts(const Counts& before) {
  const Counts now = count();
  must(world->handles() == 0 && world->open_callbacks() == 0, "the program has closed all that it made");
  must(now.handles == before.handles, "no handle is left");
  must(now.callbacks == before.callbacks, "no callback is left");
  must(now.dead_calls - before.dead_calls == world->dead_calls, "each late call is counted, and nothing else");
}

}  // namespace callback_fuzz
