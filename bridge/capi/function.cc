// SPDX-License-Identifier: MIT
//
// cw_function_*: C functions with a signature that is known at run time.
//
// A handle's slot holds the symbol, and the signature with the kind of call in its low bits: a call copies both and holds nothing, so that
// closing takes effect at once, and a call that is under way goes on with what it copied. Signatures stay (outbound/signature.hpp).
#include <utility>

#include "bridge/capi/handle_table.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/capi/tunnel.hpp"
#include "bridge/outbound/outbound.hpp"
#include "causeway/abi.h"

namespace causeway::capi {

namespace {

constexpr uint64_t kKindMask = 3;
static_assert(CW_LEAF >= 0 && CW_BLOCKING <= static_cast<int>(kKindMask) && alignof(outbound::Signature) > kKindMask);

struct Function {
  const outbound::Signature* signature;
  const void* symbol;
  int kind;
};

cw_status find_signature(std::string_view text, const std::string_view* more, const char* who, const outbound::Signature** out) noexcept {
  outbound::SignatureError error;
  *out = outbound::intern_signature(text, outbound::SignatureUse::CallOut, more, error);
  if (*out != nullptr) return CW_OK;
  base::TextBuffer<512> line;
  line.append(who).append(": ").append(error.text.view());
  return fail(error.status, line.view());
}

CW_ALWAYS_INLINE bool find(cw_function function, Function& out) noexcept {
  const HandleSlot* slot = handles().peek(function, HandleKind::Function);
  if (slot == nullptr) [[unlikely]]
    return false;
  out.symbol = reinterpret_cast<const void*>(slot->shared[0].load(std::memory_order_acquire));
  const uint64_t tagged = slot->shared[1].load(std::memory_order_acquire);
  out.signature = reinterpret_cast<const outbound::Signature*>(tagged & ~kKindMask);
  out.kind = static_cast<int>(tagged & kKindMask);
  return HandleTable::unchanged(*slot, function);
}

CW_COLD cw_status not_found(cw_function function, const char* who) noexcept {
  const cw_status status = handles().why(function, HandleKind::Function);
  return fail_in(who, status, handle_error_text(status));
}

// What is missing for a call, if anything is.
CW_COLD cw_status refuse(const outbound::Signature& signature, const void* result, void** args, const char* who) noexcept {
  base::TextBuffer<512> line;
  line.append(who).append(": ");
  if (result == nullptr && signature.result_bytes != 0) line.append("result is NULL, and the function has one");
  else if (args == nullptr) line.append("args is NULL, and the function has arguments");
  else {
    uint32_t i = 0;
    while (i + 1 < signature.arguments && args[i] != nullptr) ++i;
    line.append("args[").append_dec(i).append("] is NULL; it points at the argument");
  }
  line.append(": ").append(signature.text);
  return fail(CW_E_INVALID, line.view());
}

CW_ALWAYS_INLINE bool complete(const outbound::Signature& signature, const void* result, void** args) noexcept {
  if ((result == nullptr && signature.result_bytes != 0) || (args == nullptr && signature.arguments != 0)) [[unlikely]]
    return false;
  bool given = true;
  for (uint32_t i = 0; i < signature.arguments; ++i) given &= args[i] != nullptr;
  return given;
}

struct LeafScope {  // on every way out
  const void** word;
  ~LeafScope() { *word = nullptr; }
};

cw_status make_leaf(outbound::FunctionCall& call) {
  if (const void** word = outbound::leaf_begin(call.function)) {
    const LeafScope leaf{word};
    outbound::invoke_function(*call.signature, call.function, call.result, call.args);
    return CW_OK;
  }
  return cw_abi_call(CW_LEAF, &outbound::FunctionCall::run, &call, call.function);
}

CW_ALWAYS_INLINE cw_status make(const Function& f, void* result, void** args) {
  outbound::FunctionCall call{f.signature, f.symbol, result, args};
  // Not inlined: the pivot's caller has no landing pad.
  const cw_status status = f.kind == CW_LEAF ? make_leaf(call) : cw_abi_call(f.kind, &outbound::FunctionCall::run, &call, f.symbol);
  if (status == CW_E_PANIC) [[unlikely]]
    return fail_tunnelled(call.thrown);
  if (call.thrown) [[unlikely]]
    std::rethrow_exception(std::move(call.thrown));
  return status;
}

}  // namespace

}  // namespace causeway::capi

using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject

cw_status cw_function_create(const char* signature, void (*symbol)(void), int kind, cw_function* out) {
  if (signature == nullptr) return fail(CW_E_INVALID, "cw_function_create: signature is NULL");
  if (symbol == nullptr) return fail(CW_E_INVALID, "cw_function_create: symbol is NULL");
  if (out == nullptr) return fail(CW_E_INVALID, "cw_function_create: out is NULL");
  if (kind < CW_LEAF || kind > CW_BLOCKING) return fail(CW_E_INVALID, "cw_function_create: kind is CW_LEAF, CW_QUICK or CW_BLOCKING");
  const causeway::outbound::Signature* known = nullptr;
  if (const cw_status status = find_signature(signature, nullptr, "cw_function_create", &known); status != CW_OK) return status;
  const auto slot = handles().reserve();
  if (!slot) return fail(slot.error());
  // release: pair with the acquires in find().
  (*slot)->shared[0].store(reinterpret_cast<uint64_t>(symbol), std::memory_order_release);
  (*slot)->shared[1].store(reinterpret_cast<uint64_t>(known) | static_cast<uint64_t>(kind), std::memory_order_release);
  *out = handles().publish(**slot, HandleKind::Function);
  return CW_OK;
}

[[gnu::hot]] cw_status cw_function_call(cw_function function, void* result, void** args) {
  Function f;
  if (!find(function, f)) [[unlikely]]
    return not_found(function, "cw_function_call");
  if (f.signature->variadic) [[unlikely]]
    return fail(CW_E_INVALID, "cw_function_call: the signature has '...'; use cw_function_call_variadic");
  if (!complete(*f.signature, result, args)) [[unlikely]]
    return refuse(*f.signature, result, args, "cw_function_call");
  return make(f, result, args);
}

cw_status cw_function_call_variadic(cw_function function, const char* types, void* result, void** args) {
  Function f;
  if (!find(function, f)) return not_found(function, "cw_function_call_variadic");
  if (types == nullptr) return fail(CW_E_INVALID, "cw_function_call_variadic: types is NULL; \"\" for none");
  const std::string_view more = types;
  const std::string_view text = f.signature->text;
  if (const cw_status status = find_signature(text, &more, "cw_function_call_variadic", &f.signature); status != CW_OK) return status;
  if (!complete(*f.signature, result, args)) return refuse(*f.signature, result, args, "cw_function_call_variadic");
  return make(f, result, args);
}

cw_status cw_function_close(cw_function function) {
  HandleSlot* slot = nullptr;
  if (handles().remove(function, HandleKind::Function, &slot) != CW_OK) return not_found(function, "cw_function_close");
  if (handles().unpin(*slot) == Unpinned::Last) handles().release(*slot);
  return CW_OK;
}
