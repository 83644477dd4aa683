// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers: reads tables of modules and stacks through Memory, nothing else.
#include "runtime/trace/cfi.hpp"

#include <link.h>

#include "arch/arch.hpp"
#include "runtime/trace/table.hpp"

namespace causeway::trace {

namespace {

using Rule = RuleCache::Rule;

// The value of a DWARF expression over sp and fp. A handful of operations: what a pivot, a signal frame and a procedure linkage table use.
class Expression {
 public:
  Expression(Bytes bytes, const Cursor& at, Memory& memory) noexcept : bytes_(bytes), at_(at), memory_(memory) {}

  void push(uintptr_t value) noexcept {
    if (n_ == kDepth) bad_ = true;
    else values_[n_++] = value;
  }
  bool value(uintptr_t* to) noexcept {
    while (!bad_ && bytes_.left() != 0) one();
    if (bad_ || bytes_.bad() || n_ == 0) return false;
    *to = values_[n_ - 1];
    return true;
  }

 private:
  static constexpr size_t kDepth = 8;

  uintptr_t pop() noexcept {
    if (n_ == 0) {
      bad_ = true;
      return 0;
    }
    return values_[--n_];
  }
  uintptr_t of_register(uint32_t number) noexcept {
    if (number == arch::kDwarfSp && at_.sp != 0) return at_.sp;
    if (number == arch::kDwarfFp) return at_.fp;
    if (number == arch::kDwarfReturn) return at_.pc;
    bad_ = true;
    return 0;
  }
  void one() noexcept {
    const uint8_t op = bytes_.u8();
    if (op >= 0x70 && op <= 0x8f) {  // DW_OP_breg0..31
      push(of_register(op - 0x70u) + static_cast<uintptr_t>(bytes_.sleb()));
      return;
    }
    if (op >= 0x30 && op <= 0x4f) {  // DW_OP_lit0..31
      push(op - 0x30u);
      return;
    }
    switch (op) {
      case 0x06: {  // DW_OP_deref
        uintptr_t word = 0;
        if (!memory_.word(pop(), &word)) bad_ = true;
        push(word);
        return;
      }
      case 0x08: push(bytes_.u8()); return;                                               // DW_OP_const1u
      case 0x09: push(static_cast<uintptr_t>(static_cast<int8_t>(bytes_.u8()))); return;  // DW_OP_const1s
      case 0x12: {                                                                        // DW_OP_dup
        const uintptr_t top = pop();
        push(top);
        push(top);
        return;
      }
      case 0x23: push(pop() + static_cast<uintptr_t>(bytes_.uleb())); return;  // DW_OP_plus_uconst
      default: break;
    }
    const uintptr_t b = pop(), a = pop();
    switch (op) {
      case 0x1a: push(a & b); return;
      case 0x1c: push(a - b); return;
      case 0x22: push(a + b); return;
      case 0x24: push(b < 64 ? a << b : 0); return;
      case 0x2a: push(static_cast<intptr_t>(a) >= static_cast<intptr_t>(b) ? 1 : 0); return;
      default: bad_ = true;
    }
  }

  Bytes bytes_;
  const Cursor& at_;
  Memory& memory_;
  uintptr_t values_[kDepth]{};
  size_t n_ = 0;
  bool bad_ = false;
};

bool cacheable(const Row& row, Rule* to) noexcept {
  const auto simple = [](const RegisterRule& rule, Rule::Kind* kind, int32_t* offset) {
    if (rule.how == How::Offset) {
      *kind = Rule::Offset;
      *offset = static_cast<int32_t>(rule.offset);
      return rule.offset == *offset;
    }
    *kind = rule.how == How::Undefined ? Rule::Undefined : Rule::Same;
    return rule.how == How::Same || rule.how == How::Undefined;
  };
  if (row.cfa_expression.left() != 0 || row.cfa_offset != static_cast<int32_t>(row.cfa_offset)) return false;
  if (row.cfa_register != arch::kDwarfSp && row.cfa_register != arch::kDwarfFp) return false;
  to->cfa_offset = static_cast<int32_t>(row.cfa_offset);
  to->cfa_from_fp = row.cfa_register == arch::kDwarfFp;
  to->signal_frame = row.signal_frame;
  return simple(row.fp, &to->fp, &to->fp_offset) && simple(row.back, &to->back, &to->return_offset);
}

// cfa and the two registers are known: the caller's place.
Stepped arrive(Cursor* at, uintptr_t cfa, uintptr_t fp, uintptr_t pc, bool exact) noexcept {
  if (pc == 0) return Stepped::End;
  *at = Cursor{arch::plain_address(pc), cfa, fp, 0, exact};
  return Stepped::Done;
}

Stepped apply(const Rule& rule, Cursor* at, Memory& memory) noexcept {
  if (rule.back == Rule::Undefined) return Stepped::End;
  const uintptr_t base = rule.cfa_from_fp ? at->fp : at->sp;
  if (base == 0) return Stepped::Lost;
  const uintptr_t cfa = base + static_cast<uintptr_t>(intptr_t{rule.cfa_offset});
  if (cfa < at->sp) return Stepped::Lost;
  uintptr_t fp = at->fp, pc = at->link;
  if (rule.back == Rule::Offset && !memory.word(cfa + static_cast<uintptr_t>(intptr_t{rule.return_offset}), &pc)) return Stepped::Lost;
  if (rule.back == Rule::Same && pc == 0) return Stepped::Lost;
  if (rule.fp == Rule::Offset && !memory.word(cfa + static_cast<uintptr_t>(intptr_t{rule.fp_offset}), &fp)) return Stepped::Lost;
  return arrive(at, cfa, rule.fp == Rule::Undefined ? 0 : fp, pc, rule.signal_frame);
}

bool value_of(const RegisterRule& rule, uintptr_t cfa, uintptr_t before, const Cursor& at, Memory& memory, uintptr_t* to) noexcept {
  switch (rule.how) {
    case How::Same: *to = before; return true;
    case How::Undefined: *to = 0; return true;
    case How::Offset: return memory.word(cfa + static_cast<uintptr_t>(rule.offset), to);
    case How::Expression:
    case How::Value: {
      Expression expression(rule.expression, at, memory);
      expression.push(cfa);
      uintptr_t value = 0;
      if (!expression.value(&value)) return false;
      if (rule.how == How::Expression) return memory.word(value, to);
      *to = value;
      return true;
    }
  }
  return false;
}

Stepped apply_closely(const Row& row, Cursor* at, Memory& memory) noexcept {
  if (row.back.how == How::Undefined) return Stepped::End;
  uintptr_t cfa = 0, fp = 0, pc = 0;
  if (row.cfa_expression.left() != 0) {
    if (!Expression(row.cfa_expression, *at, memory).value(&cfa)) return Stepped::Lost;
  } else {
    if (row.cfa_register != arch::kDwarfSp && row.cfa_register != arch::kDwarfFp) return Stepped::Lost;
    const uintptr_t base = row.cfa_register == arch::kDwarfFp ? at->fp : at->sp;
    if (base == 0) return Stepped::Lost;
    cfa = base + static_cast<uintptr_t>(row.cfa_offset);
  }
  if (!value_of(row.fp, cfa, at->fp, *at, memory, &fp) || !value_of(row.back, cfa, at->link, *at, memory, &pc)) return Stepped::Lost;
  if (row.back.how == How::Same && pc == 0) return Stepped::Lost;
  return arrive(at, cfa, fp, pc, row.signal_frame);
}

// The record {caller's fp, return address} at fp.
Stepped step_record(Cursor* at, Memory& memory) noexcept {
  uintptr_t next = 0, pc = 0;
  if (at->fp == 0) return at->pc == 0 ? Stepped::End : Stepped::Lost;
  if (at->sp != 0 && at->fp < at->sp) return Stepped::Lost;
  if (!memory.word(at->fp, &next) || !memory.word(at->fp + sizeof(uintptr_t), &pc)) return Stepped::Lost;
  if (pc != 0 && next == at->fp) return Stepped::Lost;
  return arrive(at, arch::kRecordEndsFrame ? at->fp + 2 * sizeof(uintptr_t) : 0, next, pc, false);
}

}  // namespace

Stepped step(Cursor* at, Memory& memory, RuleCache* cache) noexcept {
  if (!arch::kHasCfi || at->pc == 0 || at->sp == 0) return step_record(at, memory);
  const uintptr_t inside = at->exact ? at->pc : at->pc - 1;
  if (cache != nullptr) {
    const Rule& known = cache->slot(inside);
    if (known.pc == inside) return apply(known, at, memory);
  }
  Row row;
  if (!find_row(inside, &row)) return step_record(at, memory);
  Rule rule;
  if (!cacheable(row, &rule)) return apply_closely(row, at, memory);
  rule.pc = inside;
  if (cache != nullptr) cache->slot(inside) = rule;
  return apply(rule, at, memory);
}

}  // namespace causeway::trace
