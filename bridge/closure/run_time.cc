// SPDX-License-Identifier: MIT
#include "bridge/closure/run_time.hpp"

#include <cxxabi.h>
#include <ffi.h>

#include <cstring>
#include <exception>
#include <new>

#include "causeway/chain.h"

namespace causeway::closure {

namespace {

using outbound::Signature;
using outbound::TypeKind;

uint32_t result_kind(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::F32: return CW_ABI_RESULT_FLOAT;
    case TypeKind::F64: return CW_ABI_RESULT_DOUBLE;
    case TypeKind::F80: return CW_ABI_RESULT_OTHER;
    case TypeKind::Struct: return CW_ABI_RESULT_CLASS;
    default: return CW_ABI_RESULT_WORD;
  }
}

void give_fallback(const Slot* slot, void* result) noexcept {
  const uint32_t bytes = static_cast<const Signature*>(slot->words[0])->result_bytes;  // its first member is the cif
  if (bytes == 0) return;
  if (slot->has_fallback) std::memcpy(result, slot->fallback_bytes(), bytes);
  else std::memset(result, 0, bytes);
}

// In a handler: the body threw.
CW_COLD void threw(const Slot* slot, void* result, const char* what) {
  const auto& body = *static_cast<const RunTimeBody*>(slot->closure);
  switch (body.on_exception) {
    case CW_ON_EXCEPTION_RETURN: cw_abi_uncaught(what); break;
    case CW_ON_EXCEPTION_TUNNEL: {
      std::exception_ptr exception = std::current_exception();
      if (cw_abi_tunnel(&exception) == 0) cw_abi_uncaught(what);
      break;
    }
    default: cw_abi_entry_fatal(CW_E_PANIC, reinterpret_cast<const void*>(body.body), what);
  }
  give_fallback(slot, result);
}

// On the green stack. INV-SL1 keeps the slot, and its closure, for as long as this runs. The result is a cw_status, for the handler.
uint64_t target(uint64_t callback, uint64_t result, uint64_t args) {
  const auto* slot = reinterpret_cast<const Slot*>(callback);
  const auto& body = *static_cast<const RunTimeBody*>(slot->closure);
  try {
    body.body(reinterpret_cast<void*>(result), reinterpret_cast<void**>(args), body.user);
  } catch (const abi::__forced_unwind&) { throw; } catch (const std::exception& e) {
    threw(slot, reinterpret_cast<void*>(result), e.what());
  } catch (...) {
    if (cw_abi_passes() != 0) throw;
    threw(slot, reinterpret_cast<void*>(result), "an exception that is no std::exception");
  }
  return CW_OK;
}
uint64_t failed(cw_status status, cw_abi_callback*, uint64_t) { return status; }

const cw_abi_callback_type* type_of(const Signature& signature) noexcept {
  return static_cast<const cw_abi_callback_type*>(signature.callback_type.load(std::memory_order_acquire));  // release in describe()
}

// --- integers in registers, and such a result, or none: without libffi, whose entry costs as much as the rest ---

template <class Declared>
uint64_t widened(const uint64_t& word) noexcept {
  Declared value;
  std::memcpy(&value, &word, sizeof value);
  return static_cast<uint64_t>(static_cast<int64_t>(value));
}

uint64_t widened(TypeKind kind, const uint64_t& word) noexcept {
  switch (kind) {
    case TypeKind::Bool: return widened<uint8_t>(word) != 0;
    case TypeKind::I8: return widened<int8_t>(word);
    case TypeKind::U8: return widened<uint8_t>(word);
    case TypeKind::I16: return widened<int16_t>(word);
    case TypeKind::U16: return widened<uint16_t>(word);
    case TypeKind::I32: return widened<int32_t>(word);
    case TypeKind::U32: return widened<uint32_t>(word);
    default: return word;
  }
}

// An argument is the low bytes of its word: both CPUs are little-endian.
template <class... Words>
CW_NOINLINE uint64_t enter_with_words(cw_abi_callback* callback, Words... given) {
  const auto& signature = *static_cast<const Signature*>(reinterpret_cast<const Slot*>(callback)->words[0]);
  uint64_t words[] = {given...};
  void* args[sizeof...(given)];
  for (size_t i = 0; i < sizeof...(given); ++i) args[i] = &words[i];
  uint64_t result = 0;
  const cw_abi_callback_type* type = type_of(signature);
  const auto status =
      static_cast<cw_status>(cw_abi_enter_callback(callback, reinterpret_cast<uint64_t>(&result), reinterpret_cast<uint64_t>(args), type));
  if (status != CW_OK) [[unlikely]]
    cw_abi_callback_failed(status, callback, type, &result);
  return widened(signature.result, result);
}

// Every integer register is a parameter; those that the signature has nothing for hold anything.
using W = uint64_t;
template <size_t N>
struct WordsThunk;
template <>
struct WordsThunk<6> {
  CW_CHAIN_FUNCTION static W run(W a, W b, W c, W d, W e, W f) {
    cw_abi_callback* callback;
    CW_CHAIN_READ(callback);
    return enter_with_words(callback, a, b, c, d, e, f);
  }
};
template <>
struct WordsThunk<8> {
  CW_CHAIN_FUNCTION static W run(W a, W b, W c, W d, W e, W f, W g, W h) {
    cw_abi_callback* callback;
    CW_CHAIN_READ(callback);
    return enter_with_words(callback, a, b, c, d, e, f, g, h);
  }
};

// The thunk for this signature, or null: libffi's is needed.
template <size_t N>
void (*words_thunk(const Signature& signature))(void) {
  if constexpr (N == 6 || N == 8) {
    const bool word = result_kind(signature.result) == CW_ABI_RESULT_WORD;
    // A step for each argument: none is a struct of two parts; no struct at all, so that what is beside its bytes need not be thought of.
    bool plain = word && signature.in_registers && !signature.floats && signature.step_count == signature.arguments;
    for (uint32_t i = 0; plain && i < signature.arguments; ++i) plain = signature.cif.arg_types[i]->type != FFI_TYPE_STRUCT;
    if (plain) return reinterpret_cast<void (*)(void)>(&WordsThunk<N>::run);
  }
  return nullptr;
}

void destroy(void* body) { delete static_cast<RunTimeBody*>(body); }

#if defined(FFI_GO_CLOSURES) && FFI_GO_CLOSURES
// libffi's handler, on the C stack; the last argument is the chain register's.
void enter_run_time(ffi_cif* cif, void* result, void** args, void* slot) {
  const auto* signature = reinterpret_cast<const Signature*>(cif);  // its first member
  if (signature->result != TypeKind::Struct && signature->result_bytes != 0) std::memset(result, 0, sizeof(ffi_arg));
  auto* callback = static_cast<cw_abi_callback*>(slot);
  const cw_abi_callback_type* type = type_of(*signature);
  const auto status =
      static_cast<cw_status>(cw_abi_enter_callback(callback, reinterpret_cast<uint64_t>(result), reinterpret_cast<uint64_t>(args), type));
  if (status != CW_OK) [[unlikely]]
    cw_abi_callback_failed(status, callback, type, result);
  // Narrow integers need nothing more: on the CPUs that have stubs libffi reads as many bytes as the type has, and widens.
  if (signature->result == TypeKind::Bool) {
    auto* byte = static_cast<unsigned char*>(result);
    *byte = *byte != 0;
  }
}
#endif

}  // namespace

base::Result<void> describe(const outbound::Signature& signature, Spec& spec) noexcept {
  static_assert(offsetof(Signature, cif) == 0);
  if constexpr (CW_ARCH_STUBS == 0) return base::fail(CW_E_UNSUPPORTED, "there are no code pointers with state on this CPU");
#if defined(FFI_GO_CLOSURES) && FFI_GO_CLOSURES
  auto* cif = const_cast<ffi_cif*>(&signature.cif);  // INV-SG1
  spec.words[0] = cif;
  spec.words[1] = reinterpret_cast<void*>(&enter_run_time);
  spec.type = type_of(signature);
  if (spec.type != nullptr) return {};
  ffi_go_closure entry{};
  if (ffi_prep_go_closure(&entry, cif, &enter_run_time) != FFI_OK)
    return base::fail(CW_E_UNSUPPORTED, "libffi has no closures for this signature");
  auto* made = new (std::nothrow) cw_abi_callback_type{};
  if (made == nullptr) return base::fail(CW_E_NOMEM, "no memory for the first callback of a signature");
  made->entry = {&target, nullptr};
  made->failed = &failed;
  made->thunk = words_thunk<arch::kIntRegisters>(signature);
  if (made->thunk == nullptr) made->thunk = reinterpret_cast<void (*)(void)>(entry.tramp);
  made->destroy = &destroy;
  made->signature = &signature;
  made->result_size = signature.result_bytes;
  made->result_kind = result_kind(signature.result);
  const void* none = nullptr;
  // release: pairs with type_of().
  if (signature.callback_type.compare_exchange_strong(none, made, std::memory_order_acq_rel)) {
    spec.type = made;
  } else {  // somebody was faster
    delete made;
    spec.type = static_cast<const cw_abi_callback_type*>(none);
  }
  return {};
#else
  return base::fail(CW_E_UNSUPPORTED, "this libffi has no Go closures");
#endif
}

}  // namespace causeway::closure
