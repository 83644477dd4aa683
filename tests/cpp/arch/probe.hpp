// SPDX-License-Identifier: MIT
//
// What probe_<cpu>.S gives to the tests: callee-saved registers full of known values around a call, and the control word of the
// floating-point unit. The numbers that differ between CPUs are data of that file, so that no case asks which CPU it runs on.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using cw_test_target = void* (*)(void*, void*, void*);

// Calls target(a, b, c) with the callee-saved registers, the frame pointer too, filled from in[0 .. cw_test_probe_words), and stores
// what they hold after it to out. Returns what the target returned.
[[gnu::visibility("hidden")]] void* cw_test_probe(cw_test_target target, void* a, void* b, void* c, const std::uint64_t* in,
                                                  std::uint64_t* out);
[[gnu::visibility("hidden")]] extern const std::uint64_t cw_test_probe_words;

[[gnu::visibility("hidden")]] void cw_test_read_fp_control(std::uint64_t out[2]);
[[gnu::visibility("hidden")]] void cw_test_write_fp_control(const std::uint64_t in[2]);

// Four settings; the first is what a process starts with.
[[gnu::visibility("hidden")]] extern const std::uint64_t cw_test_fp_controls[4][2];

}  // extern "C"

namespace causeway::arch::test {

constexpr std::size_t kMaxProbeWords = 32;

// Callee-saved registers as a case fills them: each word says which case, context and register it is.
struct ProbeWords {
  std::uint64_t words[kMaxProbeWords] = {};

  static ProbeWords pattern(std::uint64_t tag) {
    ProbeWords made;
    for (std::uint64_t i = 0; i < cw_test_probe_words; ++i) made.words[i] = (tag << 32) | (0x5A00 + i);
    return made;
  }
};

// The number of the first register that does not hold its value; -1 when all do. A number tells more than a comparison of arrays.
inline int first_difference(const ProbeWords& want, const ProbeWords& got) {
  for (std::uint64_t i = 0; i < cw_test_probe_words; ++i) {
    if (want.words[i] != got.words[i]) return static_cast<int>(i);
  }
  return -1;
}

inline void* probe(cw_test_target target, void* a, void* b, void* c, const ProbeWords& in, ProbeWords& out) {
  return cw_test_probe(target, a, b, c, in.words, out.words);
}

// A call of one of our functions through the probe, which only passes words on.
template <class F>
cw_test_target as_target(F* function) {
  return reinterpret_cast<cw_test_target>(reinterpret_cast<void (*)()>(function));
}

}  // namespace causeway::arch::test
