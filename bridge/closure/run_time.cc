// SPDX-License-Identifier: MIT
#include "bridge/closure/run_time.hpp"

#include <cxxabi.h>
#include <ffi.h>

#include <cstring>
#include <exception>
#include <new>

namespace causeway::closure {

namespace {

using outbound::Signature;
using outbound::TypeKind;

// A call on its way from libffi's handler to the green stack and back: in the handler's frame.
struct Block {
  const Signature* signature;
  void* result;
  void** args;
};

uint32_t result_kind(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::F32: return CW_ABI_RESULT_FLOAT;
    case TypeKind::F64: return CW_ABI_RESULT_DOUBLE;
    case TypeKind::F80: return CW_ABI_RESULT_OTHER;
    case TypeKind::Struct: return CW_ABI_RESULT_CLASS;
    default: return CW_ABI_RESULT_WORD;
  }
}

template <class Declared>
void widen_as(void* result) noexcept {
  Declared value;
  std::memcpy(&value, result, sizeof value);
  const auto word = static_cast<ffi_arg>(static_cast<ffi_sarg>(value));
  std::memcpy(result, &word, sizeof word);
}

// The body wrote an object of the declared type; libffi wants integers as wide as a register.
void widen(TypeKind kind, void* result) noexcept {
  switch (kind) {
    case TypeKind::Bool: {
      unsigned char value;
      std::memcpy(&value, result, 1);
      const ffi_arg word = value != 0;
      std::memcpy(result, &word, sizeof word);
      return;
    }
    case TypeKind::I8: return widen_as<int8_t>(result);
    case TypeKind::U8: return widen_as<uint8_t>(result);
    case TypeKind::I16: return widen_as<int16_t>(result);
    case TypeKind::U16: return widen_as<uint16_t>(result);
    case TypeKind::I32: return widen_as<int32_t>(result);
    case TypeKind::U32: return widen_as<uint32_t>(result);
    default: return;
  }
}

void give_fallback(const Slot* slot, const Signature& signature, void* result) noexcept {
  if (signature.result_bytes == 0) return;
  if (slot->has_fallback) std::memcpy(result, slot->fallback_bytes(), signature.result_bytes);
  else std::memset(result, 0, signature.result_bytes);
}

// In a handler: the body threw.
CW_COLD void threw(const Slot* slot, const RunTimeBody& body, const Block& block, const char* what) {
  switch (body.on_exception) {
    case CW_ON_EXCEPTION_RETURN: cw_abi_uncaught(what); break;
    case CW_ON_EXCEPTION_TUNNEL: {
      std::exception_ptr exception = std::current_exception();
      if (cw_abi_tunnel(&exception) == 0) cw_abi_uncaught(what);
      break;
    }
    default: cw_abi_entry_fatal(CW_E_PANIC, reinterpret_cast<const void*>(body.body), what);
  }
  give_fallback(slot, *block.signature, block.result);
}

// On the green stack. INV-SL1 keeps the slot, and its closure, for as long as this runs.
uint64_t target(uint64_t callback, uint64_t at, uint64_t) {
  const auto* slot = reinterpret_cast<const Slot*>(callback);
  const auto& body = *static_cast<const RunTimeBody*>(slot->closure);
  const Block& block = *reinterpret_cast<const Block*>(at);
  try {
    body.body(block.result, block.args, body.user);
  } catch (const abi::__forced_unwind&) { throw; } catch (const std::exception& e) {
    threw(slot, body, block, e.what());
  } catch (...) {
    if (cw_abi_passes() != 0) throw;
    threw(slot, body, block, "an exception that is no std::exception");
  }
  return 0;
}

const cw_abi_callback_type* type_of(const Signature& signature) noexcept {
  return static_cast<const cw_abi_callback_type*>(signature.callback_type.load(std::memory_order_acquire));  // release in describe()
}

uint64_t failed(cw_status status, cw_abi_callback* callback, uint64_t at) {
  const Block& block = *reinterpret_cast<const Block*>(at);
  cw_abi_callback_failed(status, callback, type_of(*block.signature), block.result);
  return 0;
}

void destroy(void* body) { delete static_cast<RunTimeBody*>(body); }

#if FFI_GO_CLOSURES
// libffi's handler, on the C stack; the last argument is the chain register's.
void enter_run_time(ffi_cif* cif, void* result, void** args, void* slot) {
  const auto* signature = reinterpret_cast<const Signature*>(cif);  // its first member
  Block block{signature, result, args};
  if (result_kind(signature->result) == CW_ABI_RESULT_WORD && signature->result_bytes != 0) std::memset(result, 0, sizeof(ffi_arg));
  cw_abi_enter_callback(static_cast<cw_abi_callback*>(slot), reinterpret_cast<uint64_t>(&block), 0, type_of(*signature));
  widen(signature->result, result);
}
#endif

}  // namespace

base::Result<void> describe(const outbound::Signature& signature, Spec& spec) noexcept {
  static_assert(offsetof(Signature, cif) == 0);
  if constexpr (CW_ARCH_STUBS == 0) return base::fail(CW_E_UNSUPPORTED, "there are no code pointers with state on this CPU");
#if FFI_GO_CLOSURES
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
  made->thunk = reinterpret_cast<void (*)(void)>(entry.tramp);
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
