// SPDX-License-Identifier: MIT
//
// Names of functions, from the symbol table of the file that an address comes from.
//
// Risk: a report that names the neighbour of the function, or reads a file that is none and believes it.
#include "runtime/trace/symbols.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>

#include "runtime/trace/trace.hpp"

namespace {

using namespace causeway;

// Not exported, so the loader does not know it.
[[gnu::noinline]] int a_function_of_the_test(int x) {
  volatile int sum = 0;
  for (int i = 0; i < x; ++i) sum = sum + i * x;
  return sum;
}

uintptr_t address_of(int (*function)(int)) { return reinterpret_cast<uintptr_t>(function); }

}  // namespace

TEST_CASE("a function is named by its first byte and by one inside, and not by the byte before it") {
  CHECK(a_function_of_the_test(2) == 2);
  const uintptr_t at = address_of(&a_function_of_the_test);
  for (const uintptr_t inside : {at, at + 4}) {
    const trace::Symbol symbol = trace::symbol_of(inside);
    // Link-time optimisation may make it a symbol of the whole program, which the compiler then names a clone.
    CHECK(symbol.name.starts_with("(anonymous namespace)::a_function_of_the_test(int)"));
    CHECK(symbol.start == at);
  }
  CHECK(!trace::symbol_of(at - 1).name.starts_with("(anonymous namespace)::a_function_of_the_test(int)"));
}

TEST_CASE("a function of another library is named, and addresses of no code are not") {
  const trace::Symbol symbol = trace::symbol_of(reinterpret_cast<uintptr_t>(&std::strtoull));
  CHECK(symbol.name.find("strtoul") != std::string::npos);  // its names are many
  int local = 0;
  CHECK(trace::symbol_of(reinterpret_cast<uintptr_t>(&local)).name.empty());
  CHECK(trace::symbol_of(0).name.empty());
  CHECK(trace::symbol_of(1).name.empty());
  CHECK(trace::symbol_of(UINTPTR_MAX).name.empty());
}

TEST_CASE("frames are named innermost first, without the library's own at the ends") {
  trace::install_report_names();
  sched::Frames frames;
  frames.pc[frames.n++] = reinterpret_cast<uintptr_t>(&trace::symbol_of);  // our own
  frames.pc[frames.n++] = address_of(&a_function_of_the_test) + 4;
  frames.pc[frames.n++] = reinterpret_cast<uintptr_t>(&std::strtoull) + 4;
  frames.exact = true;
  sched::PlaceText text;
  CHECK(sched::name_frames(frames, text) == address_of(&a_function_of_the_test));
  CHECK(text.view().starts_with("(anonymous namespace)::a_function_of_the_test(int) "));
  CHECK(text.view().find(" < ") != std::string_view::npos);
  CHECK(text.view().find("symbol_of") == std::string_view::npos);
  sched::PlaceText nothing;
  CHECK(sched::name_frames(sched::Frames{}, nothing) == 0);
  CHECK(nothing.size() == 0);
}
