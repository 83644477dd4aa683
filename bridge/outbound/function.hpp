// SPDX-License-Identifier: MIT
//
// Calls of C functions whose signature is known at run time only: what runs on the C stack. Arguments that all travel in registers are loaded as the
// signature's steps say (arch/register_call.hpp); the rest goes by libffi.
#pragma once

#include <exception>

#include "bridge/outbound/signature.hpp"

namespace causeway::outbound {

// One call, in the frame of whoever makes it; run() is the body of a call out.
struct FunctionCall {
  const Signature* signature;
  const void* function;
  void* result;  // room for signature->result_bytes
  void** args;   // signature->arguments pointers, none null
  std::exception_ptr thrown{};

  static void run(void* self);
};

// The call itself. What the function throws comes out.
void invoke_function(const Signature& signature, const void* function, void* result, void** args);

}  // namespace causeway::outbound
