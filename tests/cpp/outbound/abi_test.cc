// SPDX-License-Identifier: MIT
//
// Calls with random signatures, against what the C compiler does with the same types: abi_cases.pl made them, with constants for arguments and result.
//
// Risk: an argument in another register, or at another place of the stack, than the compiler's; a struct that is split in another way. FAULTS 47.
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "abi_cases.h"
#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

// A result with room behind it that nobody may write to.
class Result {
 public:
  explicit Result(size_t bytes) : bytes_(bytes), room_(bytes / sizeof(std::max_align_t) + 3) { std::memset(room_.data(), 0x5a, size()); }
  void* at() { return room_.data(); }
  bool written_beside() const {
    const auto* byte = reinterpret_cast<const unsigned char*>(room_.data());
    for (size_t i = bytes_; i < size(); ++i)
      if (byte[i] != 0x5a) return true;
    return false;
  }

 private:
  size_t size() const { return room_.size() * sizeof(std::max_align_t); }
  size_t bytes_;
  std::vector<std::max_align_t> room_;
};

std::string text_of(const abi_case& c) { return c.signature != nullptr ? c.signature : "(no text)"; }

TEST_CASE("run-time calls of random signatures give and take what the compiler's calls do") {
  Runtime runtime(1);
  causeway::spawn([] {
    for (int i = 0; i < ABI_WORDED; ++i) {
      const abi_case& c = abi_cases[i];
      INFO("seed ", ABI_SEED, ", case ", i, ": ", text_of(c));
      cw_function function = 0;
      REQUIRE_MESSAGE(cw_function_create(c.signature, c.function, CW_QUICK, &function) == CW_OK, cw_last_error());
      Result result(c.result_bytes);
      const std::vector<void*> given(c.args, c.args + c.arguments);
      abi_wrong = 0;
      const int before = abi_calls;
      CHECK(cw_function_call(function, result.at(), c.args) == CW_OK);
      CHECK(abi_calls == before + 1);
      CHECK_MESSAGE(abi_wrong == 0, "argument ", abi_wrong);
      CHECK(c.check_result(result.at()) == 0);
      CHECK(given == std::vector<void*>(c.args, c.args + c.arguments));  // libffi would put pointers to its copies there
      CHECK(!result.written_beside());
      CHECK(cw_function_close(function) == CW_OK);
    }
  }).join();
}

struct Asked {
  const abi_case* c;
  int calls = 0;
};

void answer(void* result, void** args, void* user) {
  auto& asked = *static_cast<Asked*>(user);
  asked.c->check_args(args);
  if (asked.c->result_bytes != 0) std::memcpy(result, asked.c->result, asked.c->result_bytes);
  ++asked.calls;
}

TEST_CASE("run-time callbacks of random signatures give and take what the compiler's functions do") {
  Runtime runtime(1);
  on_thread([] {
    for (int i = 0; i < ABI_WORDED; ++i) {
      const abi_case& c = abi_cases[i];
      INFO("seed ", ABI_SEED, ", case ", i, ": ", text_of(c));
      cw_callback callback = 0;
      Asked asked{&c};
      REQUIRE_MESSAGE(cw_callback_create(c.signature, answer, &asked, nullptr, &callback) == CW_OK, cw_last_error());
      void (*code)(void) = nullptr;
      CHECK(cw_callback_code(callback, &code) == CW_OK);
      abi_wrong = 0;
      CHECK(c.call(code) == 0);
      CHECK(asked.calls == 1);
      CHECK_MESSAGE(abi_wrong == 0, "argument ", abi_wrong);
      CHECK(cw_callback_close(callback) == CW_OK);
    }
  });
}

template <class R, class... A>
void check_typed(int i) {
  const abi_case& c = abi_cases[i];
  INFO("seed ", ABI_SEED, ", case ", i, ": ", text_of(c));
  const causeway::callback<R(A...)> callback{[&c](A... a) -> R {
    void* args[] = {&a..., nullptr};
    c.check_args(args);
    if constexpr (!std::is_void_v<R>) return *static_cast<const R*>(c.result);
  }};
  abi_wrong = 0;
  CHECK(c.call(reinterpret_cast<void (*)(void)>(callback.code())) == 0);
  CHECK_MESSAGE(abi_wrong == 0, "argument ", abi_wrong);
}

TEST_CASE("callback<> of random types gives and takes what the compiler's functions do") {
  Runtime runtime(1);
  on_thread([] {
#define CW_CHECK_TYPED(i, ...) check_typed<__VA_ARGS__>(i);
    ABI_TYPED(CW_CHECK_TYPED)
#undef CW_CHECK_TYPED
  });
}

template <class R, class... A, size_t... I>
void call_with(const abi_case& c, std::index_sequence<I...>) {
  abi_wrong = 0;
  causeway::spawn([&c] {
    const R got = causeway::call(reinterpret_cast<R (*)(A...)>(c.function), *static_cast<A*>(c.args[I])...);
    CHECK(c.check_result(&got) == 0);
  }).join();
  CHECK_MESSAGE(abi_wrong == 0, "argument ", abi_wrong);
}
template <class R, class... A>
void call_typed(int i) {
  call_with<R, A...>(abi_cases[i], std::index_sequence_for<A...>{});
}

TEST_CASE("complex and 128-bit values travel both ways as the compiler has them") {
  Runtime runtime(1);
  on_thread([] {
#define CW_CHECK_WIDE(i, ...) check_typed<__VA_ARGS__>(i), call_typed<__VA_ARGS__>(i);
    ABI_WIDE(CW_CHECK_WIDE)
#undef CW_CHECK_WIDE
  });
}

// The cases by themselves: the compiler calls what it compiled.
TEST_CASE("the generated functions agree with the compiler about themselves") {
  for (int i = 0; i < ABI_CASES; ++i) {
    const abi_case& c = abi_cases[i];
    INFO("seed ", ABI_SEED, ", case ", i, ": ", text_of(c));
    abi_wrong = 0;
    CHECK(c.call(c.function) == 0);
    CHECK(abi_wrong == 0);
    c.check_args(c.args);
    CHECK(abi_wrong == 0);
  }
}

}  // namespace
