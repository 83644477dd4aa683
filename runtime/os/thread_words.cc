// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers. Nothing but the accessors lives in this file.
#include "runtime/os/thread_words.hpp"

namespace causeway::os {
namespace {

constinit thread_local ThreadWords words __attribute__((tls_model("initial-exec"))) = {nullptr, 0};

}  // namespace

void* this_m() noexcept {
  CW_OPAQUE_BODY();
  return words.m;
}

void set_this_m(void* m) noexcept {
  CW_OPAQUE_BODY();
  words.m = m;
}

uintptr_t thread_note() noexcept {
  CW_OPAQUE_BODY();
  return words.note;
}

void set_thread_note(uintptr_t note) noexcept {
  CW_OPAQUE_BODY();
  words.note = note;
}

}  // namespace causeway::os
