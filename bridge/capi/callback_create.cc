// SPDX-License-Identifier: MIT
//
// cw_callback_create: callbacks whose signature is known at run time only.
#include <memory>
#include <new>

#include "bridge/capi/callback.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/closure/closure.hpp"
#include "bridge/outbound/outbound.hpp"

namespace causeway::capi {

namespace {

cw_status fail_here(cw_status status, std::string_view why) noexcept {
  base::TextBuffer<512> line;
  line.append("cw_callback_create: ").append(why);
  return fail(status, line.view());
}

// What the options say that closures do not look at themselves.
cw_status policy_of(const cw_callback_options* options, const outbound::Signature& signature, int* policy) noexcept {
  *policy = CW_ON_EXCEPTION_TERMINATE;
  if (options == nullptr) return CW_OK;
  const auto has = [options](size_t end) { return options->size >= end; };
  if (has(offsetof(cw_callback_options, on_exception) + sizeof options->on_exception)) *policy = options->on_exception;
  if (*policy < CW_ON_EXCEPTION_TERMINATE || *policy > CW_ON_EXCEPTION_TUNNEL)
    return fail_here(CW_E_INVALID, "on_exception is CW_ON_EXCEPTION_TERMINATE, _RETURN or _TUNNEL");
  const bool fallback = has(offsetof(cw_callback_options, fallback) + sizeof options->fallback) && options->fallback != nullptr;
  if (*policy != CW_ON_EXCEPTION_TERMINATE && signature.result == outbound::TypeKind::Struct && !fallback)
    return fail_here(CW_E_INVALID, "a struct has no zero: with on_exception other than CW_ON_EXCEPTION_TERMINATE give a fallback");
  return CW_OK;
}

}  // namespace

}  // namespace causeway::capi

using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject
namespace closure = causeway::closure;
namespace outbound = causeway::outbound;

cw_status cw_callback_create(const char* signature, cw_callback_body body, void* user, const cw_callback_options* options,
                             cw_callback* out) {
  if (signature == nullptr) return fail_here(CW_E_INVALID, "signature is NULL");
  if (body == nullptr) return fail_here(CW_E_INVALID, "body is NULL");
  if (out == nullptr) return fail_here(CW_E_INVALID, "out is NULL");
  outbound::SignatureError error;
  const outbound::Signature* known = outbound::intern_signature(signature, outbound::SignatureUse::CallIn, nullptr, error);
  if (known == nullptr) return fail_here(error.status, error.text.view());
  int policy = 0;
  if (const cw_status status = policy_of(options, *known, &policy); status != CW_OK) return status;

  closure::Spec spec;
  if (const auto described = closure::describe(*known, spec); !described) return fail_here(described.error().code, described.error().text);
  std::unique_ptr<closure::RunTimeBody> made(new (std::nothrow) closure::RunTimeBody{body, user, policy});
  if (made == nullptr) return fail_here(CW_E_NOMEM, "no memory for a callback");
  spec.closure = made.get();
  const auto handle = handles().reserve();  // before the slot: closure::create()
  if (!handle) return fail_here(handle.error().code, handle.error().text);
  const auto slot = make_callback(spec, options);
  if (!slot) {
    handles().release(**handle);
    return fail_here(slot.error().code, slot.error().text);
  }
  made.release();  // the slot's now
  *out = publish_callback(**handle, *slot);
  return CW_OK;
}
