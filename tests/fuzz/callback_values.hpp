// SPDX-License-Identifier: MIT
//
// What the programs of callback_fuzz.cc are made of: the bytes they are read from, types, values of them, signatures.
#pragma once

#include <cfloat>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace callback_fuzz {

inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

// Behind its end there are zeros, and a limit of steps ends it too: an input takes milliseconds.
struct Program {
  const uint8_t* at;
  const uint8_t* end;
  unsigned steps = 0;

  uint8_t next() { return at == end ? 0 : *at++; }
  bool step() { return at != end && ++steps <= 200; }
};

// What of a type's bytes carries its value; the rest is padding.
struct Part {
  uint8_t at, bytes;
};
struct Type {
  const char* text;
  uint8_t bytes;
  Part parts[3];
  bool integer;  // or a pointer: an unwritten result is zero
};
inline constexpr uint8_t kLongDouble = LDBL_MANT_DIG == 64 ? 10 : sizeof(long double);
inline constexpr Type kTypes[] = {
    {"i64", 8, {{0, 8}}, true},
    {"i32", 4, {{0, 4}}, true},
    {"f64", 8, {{0, 8}}, false},
    {"ptr", 8, {{0, 8}}, true},
    {"bool", 1, {{0, 1}}, true},
    {"i8", 1, {{0, 1}}, true},
    {"u8", 1, {{0, 1}}, true},
    {"i16", 2, {{0, 2}}, true},
    {"u16", 2, {{0, 2}}, true},
    {"u32", 4, {{0, 4}}, true},
    {"u64", 8, {{0, 8}}, true},
    {"f32", 4, {{0, 4}}, false},
    {"{i32, f64}", 16, {{0, 4}, {8, 8}}, false},
    {"{f32, f32}", 8, {{0, 4}, {4, 4}}, false},
    {"{[5 x u8]}", 5, {{0, 5}}, false},
    {"{i64, i8, f64}", 24, {{0, 8}, {8, 1}, {16, 8}}, false},
    {"f80", sizeof(long double), {{0, kLongDouble}}, false},
};
inline constexpr uint8_t kTypeCount = sizeof kTypes / sizeof *kTypes;
inline constexpr unsigned kMaxArguments = 9;

struct Value {
  static constexpr unsigned char kUnwritten = 0x5a;
  alignas(16) unsigned char bytes[48];

  Value() { std::memset(bytes, kUnwritten, sizeof bytes); }
  // seed 0: all zero; 255: all ones, as far as the type has such a value.
  Value(const Type& type, uint8_t seed) : Value() {
    uint64_t word = seed;
    for (unsigned i = 0; i < type.bytes; ++i) {
      word = (word ^ word >> 29) * 0xbf58476d1ce4e5b9ULL;
      bytes[i] = seed == 255 ? 255 : static_cast<unsigned char>(word >> 56);
    }
    if (&type == &kTypes[4]) bytes[0] &= 1;
    if (&type == &kTypes[kTypeCount - 1]) {  // a number: other bits do not pass the x87
      const auto number = static_cast<long double>(static_cast<int64_t>(word));
      std::memcpy(bytes, &number, sizeof number);
    }
  }
  static Value zero(const Type& type) { return {type, 0}; }

  bool is(const Type& type, const void* other) const {
    for (const Part& part : type.parts)
      if (std::memcmp(bytes + part.at, static_cast<const unsigned char*>(other) + part.at, part.bytes) != 0) return false;
    return true;
  }
  bool unwritten_from(unsigned at) const {
    for (; at < sizeof bytes; ++at)
      if (bytes[at] != kUnwritten) return false;
    return true;
  }
};

// The arguments alternate between two types. Some ten thousand different texts are possible: the library keeps each for ever.
struct Signature {
  const Type* result = nullptr;  // null: void
  const Type* types[2] = {kTypes, kTypes};
  unsigned count = 0;
  std::string text;

  Signature() = default;
  explicit Signature(Program& program) {
    static constexpr uint8_t kCounts[] = {2, 0, 1, kMaxArguments};
    if (const uint8_t byte = program.next() % (kTypeCount + 1); byte != kTypeCount) result = &kTypes[byte];
    count = kCounts[program.next() % sizeof kCounts];
    if (count > 0) types[0] = &kTypes[program.next() % kTypeCount];
    if (count > 1) types[1] = &kTypes[program.next() % kTypeCount];
    text = result != nullptr ? result->text : "void";
    for (unsigned i = 0; i < count; ++i) text.append(i == 0 ? "(" : ", ").append(types[i % 2]->text);
    text.append(count == 0 ? "()" : ")");
  }
  const Type& argument(unsigned i) const { return *types[i % 2]; }
  unsigned result_bytes() const { return result != nullptr ? result->bytes : 0; }
};

}  // namespace callback_fuzz
