// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers. Nothing but the accessors lives in this file.
#include "runtime/os/thread_words.hpp"

#include <atomic>

// By this name thread_words_here() finds it.
extern "C" {
[[gnu::visibility("hidden")]] constinit thread_local causeway::os::ThreadWords cw_thread_words
    __attribute__((tls_model("initial-exec"), used)) = {nullptr, causeway::os::note::kUnbound};
}

namespace causeway::os {

ThreadWords* thread_words() noexcept {
  CW_OPAQUE_BODY();
  return &cw_thread_words;
}

void* this_m() noexcept {
  CW_OPAQUE_BODY();
  return cw_thread_words.m;
}

void set_this_m(void* m) noexcept {
  CW_OPAQUE_BODY();
  cw_thread_words.m = m;
}

uintptr_t thread_note() noexcept {
  CW_OPAQUE_BODY();
  return cw_thread_words.note;
}

// relaxed: other threads do not look at these words.
uintptr_t set_thread_flags(uintptr_t flags) noexcept {
  CW_OPAQUE_BODY();
  return std::atomic_ref<uintptr_t>(cw_thread_words.note).fetch_or(flags, std::memory_order_relaxed);
}

uintptr_t clear_thread_flags(uintptr_t flags) noexcept {
  CW_OPAQUE_BODY();
  return std::atomic_ref<uintptr_t>(cw_thread_words.note).fetch_and(~flags, std::memory_order_relaxed);
}

void set_thread_note(uintptr_t note) noexcept {
  CW_OPAQUE_BODY();
  cw_thread_words.note = note;
}

}  // namespace causeway::os
