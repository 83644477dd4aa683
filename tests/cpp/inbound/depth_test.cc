// SPDX-License-Identifier: MIT
//
// How deep calls nest: max_depth of them, or as far as the C stack reaches, and then CW_E_DEPTH with everything intact (FAULTS 36).
//
// Risk: the end of a stack is found by falling over it, or the way back up from there finds something else than what it left.
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

// In and out until a call is refused. Counts the calls in that ran; answers how the last one ended, on every level alike.
struct Dig {
  size_t frame = 0;  // what each level takes of the C stack besides
  uint32_t in = 0;
  uint32_t back = 0;
  std::string text;

  cw_status down() {
    cw_status bottom = CW_OK;
    const cw_status status = enter([&] {
      const uint64_t id = cw_green_id();
      const uint32_t level = ++in;
      const Locals mine(level);
      const cw_status out = call([&] { below(frame, [&] { bottom = down(); }); });
      if (out != CW_OK) bottom = out;
      if (cw_green_id() == id && mine.intact() && out == CW_OK) ++back;
    });
    if (status == CW_OK) return bottom;
    text = cw_last_error();
    return status;
  }
};

void dig_to_the_limit(uint32_t limit) {
  for (int i = 0; i < 2; ++i) {
    Dig dig;
    const cw_status status = dig.down();
    CHECK(status == CW_E_DEPTH);
    CHECK(dig.in == limit);
    CHECK(dig.back == dig.in);
    CHECK(dig.text.find("max_depth") != std::string::npos);
    CHECK(enter([] { causeway::call([] { CHECK(enter([] {}) == CW_OK); }); }) == CW_OK);
  }
}

TEST_CASE("max_depth calls nest, and the next one is CW_E_DEPTH: on a thread, on a host's stack, on a worker, again and again") {
  causeway::options options;
  options.processors = 2;
  options.max_depth = 50;
  Runtime runtime(options);
  on_thread([] { dig_to_the_limit(50); });
  on_thread([] {
    Coroutine host([](Coroutine&) { dig_to_the_limit(50); }, size_t{1} << 20);
    host.resume();
  });
  // The green thread that called out is counted too: it is one of those that are nested.
  causeway::spawn([] { causeway::call([] { dig_to_the_limit(49); }); }).join();
}

// 256 MiB of C stack: 25 KiB for each level, in a sanitizer build too. The green stacks of ten thousand levels are what takes time there.
TEST_CASE("ten thousand calls nest by default") {
  const bool all = !few();
  causeway::options options;
  options.processors = 2;
  if (!all) options.max_depth = 500;
  Runtime runtime(options);
  HostThread([&] { dig_to_the_limit(all ? 10'000 : 500); }, size_t{256} << 20);
  CHECK(stats().greens == 0);
}

// 10 KiB for each level: far fewer than max_depth fit, and what is left at the end is still enough for whoever is told.
void dig_to_the_end_of_the_stack() {
  Dig dig;
  dig.frame = 10 * 1024;
  const cw_status status = dig.down();
  CHECK(status == CW_E_DEPTH);
  CHECK(dig.in > 5);
  CHECK(dig.in < 1'000);
  CHECK(dig.back == dig.in);
  CHECK(dig.text.find("stack") != std::string::npos);
}

TEST_CASE("with too little C stack left a nested call in is CW_E_DEPTH: on a worker, on a thread, on a declared stack") {
  causeway::options options;
  options.processors = 2;
  options.system_stack_size = 512 * 1024;
  Runtime runtime(options);
  causeway::spawn([] { causeway::call(dig_to_the_end_of_the_stack); }).join();
  on_thread(dig_to_the_end_of_the_stack, 512 * 1024);
  on_thread([] {
    Coroutine host([](Coroutine& self) {
      const causeway::declared_stack declared(self.low(), self.bytes());
      self.suspend();  // the declaration counts when the stack changes
      dig_to_the_end_of_the_stack();
    });
    while (!host.done()) {
      host.resume();
      CHECK(enter([] {}) == CW_OK);
    }
  });
}

TEST_CASE("a call in that does not nest is made however little of the stack is left") {
  Runtime runtime(2);
  on_thread([] {
    Coroutine host(
        [](Coroutine& self) {
          const causeway::declared_stack declared(self.low(), self.bytes());
          const auto used = static_cast<size_t>(self.low() + self.bytes() - static_cast<char*>(__builtin_frame_address(0)));
          below(self.bytes() - used - (CW_ASAN || CW_TSAN ? 24 : 12) * 1024, [] { CHECK(enter([] {}) == CW_OK); });
        },
        128 * 1024);
    host.resume();
    CHECK(host.done());
  });
}

}  // namespace
