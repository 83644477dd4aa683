// SPDX-License-Identifier: MIT
//
// Which register each part of each argument travels in, for signatures that need nothing else (arch/register_call.hpp).
#include "bridge/outbound/signature_nodes.hpp"

namespace causeway::outbound {

namespace {

constexpr uint32_t kMaxBytes = 32;  // four doubles; more are in memory on each CPU that we know
constexpr uint32_t kMaxLeaves = kMaxBytes;

struct Leaves {
  arch::Leaf leaf[kMaxLeaves];
  size_t count = 0;
};

constexpr bool is_aggregate(TypeKind kind) noexcept { return kind == TypeKind::Struct || kind == TypeKind::Array; }

// False: it has a leaf that is in no register of these. Recursion: kMaxNesting.
bool collect(const SignatureNodes& read, uint32_t at, uint32_t offset, Leaves& out) noexcept {
  const TypeNode& node = read.nodes[at];
  if (!is_aggregate(node.kind)) {
    if (node.kind == TypeKind::F80) return false;
    out.leaf[out.count++] = {static_cast<uint16_t>(offset), static_cast<uint8_t>(node.bytes),
                             node.kind == TypeKind::F32 || node.kind == TypeKind::F64};
    return true;
  }
  uint32_t child = at + 1;
  for (uint32_t i = 0; i < node.count; ++i) {
    const TypeNode& inner = read.nodes[child];
    offset = (offset + inner.align - 1) / inner.align * inner.align;
    if (!collect(read, child, offset, out)) return false;
    offset += inner.bytes;
    if (node.kind == TypeKind::Struct) child = inner.end;
  }
  return true;
}

arch::Parts parts_of(const SignatureNodes& read, uint32_t at) noexcept {
  Leaves leaves;
  const TypeNode& node = read.nodes[at];
  if (node.bytes > kMaxBytes || !collect(read, at, 0, leaves)) return {};
  return arch::parts_of(leaves.leaf, leaves.count, node.bytes);
}

Load load_of(const TypeNode& node, const arch::Part& part) noexcept {
  switch (is_aggregate(node.kind) ? TypeKind::Struct : node.kind) {
    case TypeKind::Bool: return Load::Bool;
    case TypeKind::I8: return Load::I8;
    case TypeKind::U8: return Load::U8;
    case TypeKind::I16: return Load::I16;
    case TypeKind::U16: return Load::U16;
    case TypeKind::I32: return Load::I32;
    default: break;
  }
  return part.bytes == 8 ? Load::Word : part.bytes == 4 ? Load::U32 : Load::Bytes;
}

}  // namespace

void plan_registers(const SignatureNodes& read, Step* steps, Signature& made) noexcept {
  made.steps = steps;
  if (!arch::kCallsInRegisters || read.variadic) return;
  const TypeNode& result = read.nodes[0];
  if (result.kind != TypeKind::Void) made.result_parts = parts_of(read, 0);
  if (result.kind != TypeKind::Void && made.result_parts.count == 0) return;
  made.returns = arch::returns_of(made.result_parts);
  size_t ints = 0;
  size_t floats = 0;
  uint32_t at = result.end;
  for (uint32_t i = 0; i < read.arguments; ++i, at = read.nodes[at].end) {
    const arch::Parts parts = parts_of(read, at);
    if (parts.count == 0) return;
    for (size_t k = 0; k < parts.count; ++k) {
      const arch::Part& part = parts.part[k];
      size_t& used = part.floating ? floats : ints;
      if (used == (part.floating ? arch::kFloatRegisters : arch::kIntRegisters)) return;  // the whole of it would be on the stack
      const size_t word = part.floating ? arch::kIntRegisters + used : used;
      steps[made.step_count++] = {static_cast<uint8_t>(i), load_of(read.nodes[at], part), part.bytes, static_cast<uint8_t>(word),
                                  part.offset};
      ++used;
    }
  }
  made.floats = floats != 0;
  made.in_registers = true;
}

arch::Part find_split(const SignatureNodes& read, Signature& made) noexcept {
  made.split = kNoSplit;
  const TypeNode& result = read.nodes[0];
  size_t ints = result.kind != TypeKind::Void && parts_of(read, 0).count == 0 && result.kind == TypeKind::Struct
                    ? 1
                    : 0;  // where a result in memory goes
  size_t floats = 0;
  uint32_t at = result.end;
  for (uint32_t i = 0; i < read.arguments; ++i, at = read.nodes[at].end) {
    const arch::Parts parts = parts_of(read, at);
    size_t more_floats = 0;
    for (size_t k = 0; k < parts.count; ++k) more_floats += parts.part[k].floating;
    const size_t more_ints = parts.count - more_floats;
    if (ints + more_ints > arch::kIntRegisters || floats + more_floats > arch::kFloatRegisters) continue;  // on the stack
    if (parts.count == 2 && !parts.part[0].floating && parts.part[1].floating && ints + 1 == arch::kIntRegisters && floats != 0) {
      made.split = i;
      return parts.part[1];
    }
    ints += more_ints;
    floats += more_floats;
  }
  return {};
}

}  // namespace causeway::outbound
