// SPDX-License-Identifier: MIT
#include "bridge/capi/last_error.hpp"

#include <stdlib.h>
#include <string.h>

#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

constexpr size_t kRoom = 512, kAlignment = 64;  // the thread's note has flags in its low bits
char* thread_buffer(bool make) noexcept {
  char* buffer = sched::foreign::thread_text();
  if (buffer != nullptr || !make) return buffer;
  buffer = static_cast<char*>(aligned_alloc(kAlignment, kRoom));
  if (buffer == nullptr) return nullptr;
  buffer[0] = '\0';
  if (sched::foreign::keep_thread_text(buffer)) return buffer;
  free(buffer);
  return nullptr;
}

// Where malloc may be what was interrupted: in a signal handler on top of the runtime, in the function of a stop of the world.
bool may_allocate() noexcept {
  const sched::M* m = sched::this_m();
  return m != nullptr ? !m->gate.in_runtime() : (os::thread_note() & os::note::kAsync) == 0;
}

char* buffer_of_caller(bool make) noexcept {
  make = make && may_allocate();
  sched::G* g = sched::current_green();
  if (g == nullptr) return thread_buffer(make);
  if (g->last_error == nullptr && make) {
    g->last_error = static_cast<char*>(malloc(kRoom));
    if (g->in.active) g->in.set(crossing::Inbound::kExtras);
  }
  return g->last_error;
}

}  // namespace

cw_status fail(cw_status status, std::string_view text) noexcept {
  // A signal handler may have interrupted malloc: its text is kept only where there is room already.
  if (char* buffer = buffer_of_caller(status != CW_E_ASYNC)) {
    const size_t n = text.size() < kRoom ? text.size() : kRoom - 1;
    memmove(buffer, text.data(), n);  // it may be the text of the last error
    buffer[n] = '\0';
  }
  return status;
}

CW_COLD cw_status fail_in(const char* function, cw_status status, std::string_view text) noexcept {
  base::TextBuffer<kRoom> line;
  line.append(function).append(": ").append(text);
  return fail(status, line.view());
}

cw_status fail(const base::Error& error) noexcept {
  if (error.sys_errno == 0) return fail(error.code, error.text);
  base::TextBuffer<kRoom> text;
  text.append(error.text);
  text.append(" (the system says: ");
  char room[128];
  text.append(strerror_r(error.sys_errno, room, sizeof room));
  text.append(")");
  return fail(error.code, text.view());
}

const char* last_error() noexcept {
  const char* buffer = buffer_of_caller(false);
  return buffer != nullptr ? buffer : "";
}

}  // namespace causeway::capi
