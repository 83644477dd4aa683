// SPDX-License-Identifier: MIT
//
// Callbacks whose signature is known at run time only. Their stubs lead to libffi's entry of Go closures, which finds in the slot what it wants, {entry, cif,
// function}: so no closure memory is needed. It spills the registers and calls enter_run_time() here, on the C stack; that goes the way of all
// callbacks, with the places of the result and of the arguments as its two words.
#pragma once

#include "bridge/closure/closure.hpp"
#include "bridge/outbound/outbound.hpp"
#include "causeway/causeway.h"

namespace causeway::closure {

// What such a callback runs; its closure.
struct RunTimeBody {
  cw_callback_body body;
  void* user;
  int on_exception;  // an enum cw_on_exception
};

// Fills in what create() needs for a callback with this signature: type, words. The type is made at the signature's first callback and stays.
// Errors: CW_E_NOMEM, CW_E_UNSUPPORTED (libffi has no Go closures here)
base::Result<void> describe(const outbound::Signature& signature, Spec& spec) noexcept;

}  // namespace causeway::closure
