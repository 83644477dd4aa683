// SPDX-License-Identifier: MIT
#include "bridge/capi/last_error.hpp"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>

#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

constexpr size_t kRoom = 512;
constexpr uintptr_t kFlags = 15;  // low bits of the note word are the scheduler's; malloc aligns to 16

// The library's one pthread key. Made at the first failure on an OS thread, and never deleted: threads may end after everything else.
struct Key {
  std::atomic<int> state{0};  // 0 not made, 1 being made, 2 made, 3 none to be had
  pthread_key_t key{};
};
constinit Key key;

void drop_buffer(void* buffer) {
  os::set_thread_note(os::thread_note() & kFlags);
  free(buffer);
}

bool have_key() noexcept {
  int seen = key.state.load(std::memory_order_acquire);
  if (seen == 0 && key.state.compare_exchange_strong(seen, 1, std::memory_order_acq_rel)) {
    const int made = pthread_key_create(&key.key, &drop_buffer) == 0 ? 2 : 3;
    key.state.store(made, std::memory_order_release);
    return made == 2;
  }
  while ((seen = key.state.load(std::memory_order_acquire)) == 1) os::yield_thread();
  return seen == 2;
}

char* thread_buffer(bool make) noexcept {
  const uintptr_t note = os::thread_note();
  auto* buffer = reinterpret_cast<char*>(note & ~kFlags);
  if (buffer != nullptr || !make || !have_key()) return buffer;
  buffer = static_cast<char*>(malloc(kRoom));
  if (buffer == nullptr) return nullptr;
  if (pthread_setspecific(key.key, buffer) != 0) {
    free(buffer);
    return nullptr;
  }
  buffer[0] = '\0';
  os::set_thread_note(reinterpret_cast<uintptr_t>(buffer) | (note & kFlags));
  return buffer;
}

char* buffer_of_caller(bool make) noexcept {
  sched::G* g = sched::current_green();
  if (g == nullptr) return thread_buffer(make);
  if (g->last_error == nullptr && make) g->last_error = static_cast<char*>(malloc(kRoom));
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
