// SPDX-License-Identifier: MIT
#include "bridge/outbound/function.hpp"

#include <cxxabi.h>

#include <cstring>

#include "causeway/abi.h"

namespace causeway::outbound {

namespace {

constexpr size_t kWords = arch::kIntRegisters + arch::kFloatRegisters;

template <class T>
CW_ALWAYS_INLINE T load(const void* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class Narrow>
CW_ALWAYS_INLINE uint64_t widened(const void* at) noexcept {
  return static_cast<uint64_t>(static_cast<int64_t>(load<Narrow>(at)));
}

CW_ALWAYS_INLINE uint64_t load_word(const Step& step, const void* at) noexcept {
  switch (step.load) {
    case Load::Word: return load<uint64_t>(at);
    case Load::I32: return widened<int32_t>(at);
    case Load::U32: return load<uint32_t>(at);
    case Load::I16: return widened<int16_t>(at);
    case Load::U16: return load<uint16_t>(at);
    case Load::I8: return widened<int8_t>(at);
    case Load::U8: return load<uint8_t>(at);
    case Load::Bool: return load<uint8_t>(at) != 0;
    case Load::Bytes: break;
  }
  uint64_t word = 0;
  std::memcpy(&word, at, step.bytes);
  return word;
}

// As declared, not wider: a C function leaves what it likes in the rest of the register.
CW_ALWAYS_INLINE void store_scalar(const Signature& signature, uint64_t word, void* result) noexcept {
  if (signature.result == TypeKind::Bool) word = (word & 0xff) != 0;
  switch (signature.result_bytes) {
    case 8: std::memcpy(result, &word, 8); return;
    case 4: std::memcpy(result, &word, 4); return;
    case 2: std::memcpy(result, &word, 2); return;
    case 1: std::memcpy(result, &word, 1); return;
    default: return;
  }
}

CW_ALWAYS_INLINE void call_by_registers(const Signature& s, const void* function, void* result, void** args) {
  uint64_t words[kWords == 0 ? 1 : kWords];
  for (size_t i = 0; i < arch::kIntRegisters; ++i) words[i] = 0;
  if (s.floats)
    for (size_t i = arch::kIntRegisters; i < kWords; ++i) words[i] = 0;
  for (const Step *step = s.steps, *end = s.steps + s.step_count; step != end; ++step)
    words[step->word] = load_word(*step, static_cast<const char*>(args[step->argument]) + step->offset);
  arch::Returned back;
  arch::call_in_registers(function, s.returns, s.floats, words, back);
  if (s.result != TypeKind::Struct) return store_scalar(s, back.words[0], result);
  for (size_t i = 0; i < s.result_parts.count; ++i) {
    const arch::Part& part = s.result_parts.part[i];
    char* at = static_cast<char*>(result) + part.offset;
    if (part.bytes == 8) [[likely]]
      std::memcpy(at, &back.words[i], 8);
    else std::memcpy(at, &back.words[i], part.bytes);
  }
}

CW_NOINLINE void call_by_libffi(const Signature& s, const void* function, void* result, void** given) {
  // libffi puts pointers to its own copies of large structs into the array that it is given.
  void* args[kMaxArguments + 1];
  unsigned char bools[kMaxArguments];  // 0 or 1: the callee may take nothing else for a bool, and libffi knows bytes only
  for (uint32_t i = 0, to = 0; i < s.arguments; ++i) {
    args[to++] = given[i];
    if (s.cif.arg_types[i] == &bool_type) {
      bools[i] = load<uint8_t>(given[i]) != 0;
      args[to - 1] = &bools[i];
    }
    if (i == s.split) args[to++] = static_cast<char*>(given[i]) + sizeof(uint64_t);
  }
  auto* cif = const_cast<ffi_cif*>(&s.call_cif);  // INV-SG1
  auto* code = reinterpret_cast<void (*)()>(const_cast<void*>(function));
  const bool widens = s.result_bytes != 0 && s.result < TypeKind::F32;
  if (!widens) return ffi_call(cif, code, result, args);
  ffi_arg word = 0;  // libffi widens integers to this
  ffi_call(cif, code, &word, args);
  store_scalar(s, word, result);
}

}  // namespace

void invoke_function(const Signature& signature, const void* function, void* result, void** args) {
  if (signature.in_registers) [[likely]]
    call_by_registers(signature, function, result, args);
  else call_by_libffi(signature, function, result, args);
}

void FunctionCall::run(void* self) {
  auto* me = static_cast<FunctionCall*>(self);
  try {
    invoke_function(*me->signature, me->function, me->result, me->args);
  } catch (const abi::__forced_unwind&) { throw; } catch (...) {
    if (cw_abi_passes() != 0) throw;
    me->thrown = std::current_exception();
  }
}

}  // namespace causeway::outbound
