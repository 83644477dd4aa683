// SPDX-License-Identifier: MIT
//
// What C and managed code have of each other for longer than a call: handles of the user's objects, functions with a signature of run time,
// exceptions that travel over C frames, callbacks with state and their owners.
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/outbound/outbound.hpp"
#include "tests/cpp/oom/scenario.hpp"

namespace {

using oom::must;
using oom::need;

constexpr uint32_t kKind = 3;

// What was made is unmade on every way out.
struct Handle {
  cw_handle raw = 0;
  explicit Handle(void* object) { need(cw_handle_create(object, kKind, &raw)); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { must(cw_handle_release(raw, kKind) == CW_OK, "a handle is released"); }
};

struct Held {
  cw_handle raw;
  explicit Held(cw_handle handle) : raw(handle) {
    void* object = nullptr;
    need(cw_handle_acquire(raw, kKind, &object));
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { must(cw_handle_unacquire(raw) == CW_OK, "an acquisition is given back"); }
};

// Each holder is noted in memory of its own.
void handles() {
  int object = 0;
  const Handle handle(&object), other(nullptr);
  const Held mine(handle.raw), twice(handle.raw);
  auto green = causeway::spawn([&] {
    const Held held(handle.raw);
    causeway::this_green::yield();
    return causeway::enter([&] { return Held(handle.raw).raw == handle.raw; });
  });
  must(green.join(), "the handle is the same inside");
}

struct Function {
  cw_function raw = 0;
  Function(const char* signature, void (*symbol)(), int kind) { need(cw_function_create(signature, symbol, kind, &raw)); }
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  ~Function() { must(cw_function_close(raw) == CW_OK, "a function is closed"); }
};

int add(int a, int b) { return a + b; }
int last_of(const char*, ...) { return 3; }

void functions() {
  const Function adds("i32(i32, i32)", reinterpret_cast<void (*)()>(&add), CW_QUICK);
  const Function more("i32(ptr, ...)", reinterpret_cast<void (*)()>(&last_of), CW_LEAF);
  auto green = causeway::spawn([&] {
    int a = 20, b = 22, result = 0;
    void* two[] = {&a, &b};
    need(cw_function_call(adds.raw, &result, two));
    must(result == 42, "the sum arrives");
    const char* text = "text";
    void* three[] = {&text, &a, &b};
    need(cw_function_call_variadic(more.raw, "i32, i32", &result, three));
    must(result == 3, "the variadic one's result arrives");
  });
  green.join();
}

// Reading one anew each time: the library remembers those above.
void signatures() {
  using namespace causeway::outbound;
  for (const std::string_view text : {"{i32, {f64, [3 x u8]}}(ptr, {f32, f32}, i8, i8, i8, i8, i8, i8, i8)", "void(ptr, ...)"}) {
    SignatureError error;
    const SignatureOwner made = parse_signature(text, SignatureUse::CallOut, nullptr, error);
    must(made != nullptr || !error.text.view().empty(), "a refusal has its text");
    if (made == nullptr) need(error.status);
  }
}

int throws(int n) {
  causeway::this_green::yield();
  throw std::runtime_error("number " + std::to_string(n));
}

// A callback cannot say that there was no memory for its call: C gets the value then, without an exception.
void tunnels() {
  causeway::spawn([] {
    int got = 0;
    try {
      causeway::call([&] { got = causeway::entry<&throws, causeway::on_exception::tunnel(-7)>(5); });
    } catch (const std::bad_alloc&) { throw; } catch (const std::runtime_error& e) {
      must(got == -7, "C got its value first");
      must(e.what() == std::string("number 5"), "the same exception comes out");
      return;
    }
    must(got == -7, "C gets its value");
    need(CW_E_NOMEM);
  }).join();
}

// The same code pointer three times: alive on a green thread, alive below C, and dead. A call that has no memory gives C -1.
void callbacks() {
  int calls = 0;
  causeway::callback<int(int)> callback{[&](int n) { return ++calls, n + 1; }, causeway::on_exception::return_value(-1), {.name = "grows"}};
  causeway::user_data_callback<int(void*, int), 0> with_data{[&](void*, int n) { return ++calls, n + 2; },
                                                             causeway::on_exception::return_value(-1)};
  auto* const code = callback.code();
  auto* const data_code = with_data.code();
  void* const data = with_data.data();
  const int got = code(1), got_by_data = data_code(data, 1);
  must((got == 2 || got == -1) && (got_by_data == 3 || got_by_data == -1), "C gets the result, or the value that was given for that");
  must(calls == (got == 2) + (got_by_data == 3), "every call that was answered well has run");
  callback.close_and_wait();
  with_data.close();
  must(code(1) == -1 && data_code(data, 1) == -1, "a dead one gives the value");
}

void add_body(void* result, void** args, void* user) {
  *static_cast<int32_t*>(result) = *static_cast<int32_t*>(args[0]) + *static_cast<int*>(user);
}

// A code pointer of a signature as text. C gets 0 where there is no memory for its call.
void run_time_callbacks() {
  int user = 40;
  cw_callback callback = 0;
  need(cw_callback_create("i32(i32, {f64, i8})", &add_body, &user, nullptr, &callback));
  void (*code)() = nullptr;
  must(cw_callback_code(callback, &code) == CW_OK, "it has a code pointer");
  struct Pair {
    double f;
    char c;
  };
  const int got = reinterpret_cast<int (*)(int, Pair)>(code)(2, {1, 2});
  must(cw_callback_close_and_wait(callback, CW_FOREVER) == CW_OK, "it is closed");
  must(got == 42 || got == 0, "C gets the result, or zero");
  must(reinterpret_cast<int (*)(int, Pair)>(code)(2, {1, 2}) == 0, "a dead one gives zero");
}

// More than the pool of code pointers has at the start, so that it grows; all closed by their owner.
void owned_callbacks() {
  causeway::owner owner("scenario");
  std::vector<causeway::callback<int()>> all;
  for (int i = 0; i < 40; ++i)
    all.emplace_back([i] { return i; }, causeway::on_exception::return_value(-1), causeway::callback_options{"owned", &owner});
  must(causeway::stats().callbacks_live == 40, "they are there");
  owner.close();
  must(causeway::stats().callbacks_live == 0, "the owner has closed them");
  for (auto& callback : all) must(callback.code()() == -1, "a dead one gives the value");
}

}  // namespace

const std::vector<oom::Scenario>& oom::bridge_scenarios() {
  static const std::vector<Scenario> list = {
      {"user handles", handles},
      {"functions", functions},
      {"signatures", signatures},
      {"tunnelled exceptions", tunnels},
      {"callbacks", callbacks},
      {"owned callbacks", owned_callbacks},
      {"run-time callbacks", run_time_callbacks},
  };
  return list;
}
