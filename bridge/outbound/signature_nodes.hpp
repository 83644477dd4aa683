// SPDX-License-Identifier: MIT
//
// A signature as it was read: its types in the order of the text, each struct and array before what it contains. Between the reader
// (signature_parse.cc) and the builder (signature_build.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bridge/outbound/signature.hpp"

namespace causeway::outbound {

struct TypeNode {
  TypeKind kind;
  uint32_t count;  // of an array: elements; of a struct: members
  uint32_t end;    // index of the next one that is not within it
  uint32_t bytes;
  uint32_t align;
};

struct SignatureNodes {
  TypeNode* nodes;  // result first, then the arguments, in memory for one node per character
  uint32_t used = 0;
  uint32_t arguments = 0;
  uint32_t fixed = 0;
  bool variadic = false;
};

// Fills `out`, whose nodes have room for text.size() + more->size() + 1. False: `error` says why.
bool read_signature(std::string_view text, SignatureUse use, const std::string_view* more, SignatureNodes& out,
                    SignatureError& error) noexcept;

// How it is called in registers, if it can be: fills the fields of `made` for that. `steps` has room for kMaxSteps.
inline constexpr size_t kMaxSteps = arch::kIntRegisters + arch::kFloatRegisters;
void plan_registers(const SignatureNodes& read, Step* steps, Signature& made) noexcept;
// Sets made.split, and gives the part of that argument that goes into a floating-point register.
arch::Part find_split(const SignatureNodes& read, Signature& made) noexcept;

}  // namespace causeway::outbound
