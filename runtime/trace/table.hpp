// SPDX-License-Identifier: MIT
//
// The call frame information of an address, as cfi.cc applies it: the row of its module's .eh_frame. Reachable from signal handlers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::trace {

// Bytes of a table that are read one after the other, never beyond their end.
class Bytes {
 public:
  Bytes() noexcept = default;
  Bytes(const uint8_t* from, const uint8_t* to) noexcept : at_(from), end_(to) {}

  size_t left() const noexcept { return static_cast<size_t>(end_ - at_); }
  bool bad() const noexcept { return bad_; }
  const uint8_t* here() const noexcept { return at_; }

  uint8_t u8() noexcept { return static_cast<uint8_t>(fixed(1)); }
  // Little-endian, n bytes.
  uint64_t fixed(size_t n) noexcept;
  uint64_t uleb() noexcept;
  int64_t sleb() noexcept;
  void skip(uint64_t n) noexcept;
  // The next n, which are skipped here.
  Bytes piece(uint64_t n) noexcept;

 private:
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  bool bad_ = false;
};

enum class How : uint8_t { Same, Undefined, Offset, Expression, Value };
struct RegisterRule {
  How how = How::Same;
  int64_t offset = 0;  // of the slot, from the CFA
  Bytes expression;
};

struct Row {
  uint64_t cfa_register = 0;
  int64_t cfa_offset = 0;
  Bytes cfa_expression;  // instead of the two, unless it is empty
  RegisterRule fp, back;
  bool signal_frame = false;
};

// False: no module, no entry, or one that is not understood.                                            Signal-safe: yes
bool find_row(uintptr_t pc, Row* row) noexcept;

}  // namespace causeway::trace
