// SPDX-License-Identifier: MIT
//
// Signatures that are known at run time: their text, and what libffi wants to know of them. For functions (bridge/capi) and for closures.
//
//   signature := type '(' [ 'void' | type { ',' type } [ ',' '...' ] ] ')'
//   type      := name | '{' member { ',' member } '}'                     a struct, laid out as the C compiler does
//   member    := type | '[' number 'x' member ']'                         an array, within a struct only
//   name      := bool i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 f80 ptr size, the C names char short int long float double; void as a result
//
// f80 is C's `long double` on whichever CPU. Blanks may stand between all of these. There is no complex and no 128-bit integer: libffi has no closures for
// the one and no type for the other.
//
//   INV-SG1  A Signature never changes once it is made, but for callback_type, which is set once; libffi only reads it.
//   INV-SG2  Whatever the text, reading it takes time and memory in proportion to kMaxSignatureText at most, and recursion is bounded by kMaxNesting.
#pragma once

#include <ffi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "arch/arch.hpp"
#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::outbound {

inline constexpr size_t kMaxSignatureText = 4096;  // characters
inline constexpr uint32_t kMaxArguments = 127;     // as many as each C compiler takes (C11, 5.2.4.1)
inline constexpr uint32_t kMaxNesting = 16;        // of structs and arrays
inline constexpr uint32_t kMaxValueBytes = 4096;   // of one struct: it is copied at each call
inline constexpr uint32_t kMaxArgumentBytes =
    8 << 10;  // of all arguments: libffi copies them twice, and a leaf call has 32 KiB of stack at least

// A type. The order is that of the table in signature_parse.cc.
enum class TypeKind : uint8_t { Void, Bool, I8, U8, I16, U16, I32, U32, I64, U64, F32, F64, F80, Ptr, Struct, Array };

// Why a text is no signature: "column 5: expected a type, found '?'; types are ...".
struct SignatureError {
  cw_status status = CW_OK;  // CW_E_SIGNATURE, CW_E_NOMEM
  size_t column = 0;         // from 1; 0: not about a place in the text
  base::TextBuffer<320> text;
};

enum class SignatureUse : uint8_t {
  CallOut,  // may end in `...`
  CallIn    // not: libffi has no variadic closures
};

// How a register's word is made from an argument: see load_word().
enum class Load : uint8_t { Word, I32, U32, I16, U16, I8, U8, Bool, Bytes };
struct Step {
  uint8_t argument;
  Load load;
  uint8_t bytes;  // of Load::Bytes
  uint8_t word;   // integer registers first, then floating-point ones
  uint16_t offset;
};

struct Signature {
  ffi_cif cif;       // of closures
  ffi_cif call_cif;  // of calls: the same, or with one argument in two (split)
  TypeKind result;
  uint32_t result_bytes;  // 0: void
  uint32_t arguments;     // all of them
  uint32_t fixed;         // those before `...`
  bool variadic;
  // libffi 3.4.4 copies all of a struct over its first register, also where that is the last integer one and what follows is the first floating-point
  // one. Such an argument is passed as its two parts, which is the same for the callee. kNoSplit: there is none.
  uint32_t split;
  // How it is called without libffi; in_registers false: not at all.
  bool in_registers;
  bool floats;  // some of them are floating-point ones
  arch::Returns returns;
  uint32_t step_count;
  const Step* steps;
  arch::Parts result_parts;
  // As they were given, in this object's memory.
  std::string_view text;
  std::string_view more;
  bool has_more;
  mutable std::atomic<const void*> callback_type{nullptr};  // closure/run_time.cc's, made at the first callback
  // --- the table's, under its lock ---
  uint64_t hash;
  Signature* next;
};

inline constexpr uint32_t kNoSplit = UINT32_MAX;

// libffi has no type of bool: this one is its u8, told apart by its address. Nobody writes it.
extern ffi_type bool_type;

struct SignatureFree {
  void operator()(Signature* signature) const noexcept;
};
using SignatureOwner = std::unique_ptr<Signature, SignatureFree>;

// Reads `text`. Null: `error` says why. Needs no runtime, keeps no state.
//
// more: for a call of a function with `...`, the types of what is passed there ("i32, f64, ptr"); null: a signature with `...` has none there.
//
// Allocates:   one piece, which the result owns, and for a while another one
// Errors:      CW_E_SIGNATURE, CW_E_NOMEM
SignatureOwner parse_signature(std::string_view text, SignatureUse use, const std::string_view* more, SignatureError& error) noexcept;

// The same, found if it was read before: equal texts have one Signature, which stays for the life of the process. So nobody counts its users, and a
// call needs no pin (decision 0025).
//
// Blocks: shortly. Errors: those above; CW_E_LIMIT (kMaxSignatures different ones)
inline constexpr uint32_t kMaxSignatures = 1 << 16;
const Signature* intern_signature(std::string_view text, SignatureUse use, const std::string_view* more, SignatureError& error) noexcept;

}  // namespace causeway::outbound
