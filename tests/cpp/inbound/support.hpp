// SPDX-License-Identifier: MIT
//
// What the tests of calls in and out share: threads of a host with stacks of any size, coroutines of a host, and a runtime that must end clean.
#pragma once

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/base/config.h"
#include "runtime/os/os.hpp"
#include "tests/c/host_stack.h"
#include "tests/cpp/sched/support.hpp"

namespace crossing_test {

using namespace std::chrono_literals;
using sched_test::count_entries;
using sched_test::count_maps;
using sched_test::Counted;
using sched_test::eventually;
using sched_test::get_errno;
using sched_test::kLimit;
using sched_test::set_errno;
using sched_test::status_of;
using sched_test::tid;

inline constexpr uint64_t kLimitNs = 60'000'000'000;

// Where many stacks cost too much: in an emulator, in a sanitizer build, in a check mode (which may write to each byte of them).
inline bool few() {
  return CW_ASAN || CW_TSAN || std::getenv("CAUSEWAY_TEST_FEW") != nullptr || std::getenv("CAUSEWAY_EXE_WRAPPER") != nullptr ||
         std::getenv("CAUSEWAY_CHECK") != nullptr;
}

inline cw_stats stats() { return causeway::stats(); }

// A runtime whose end is checked, also that no thread is left bound to it: those of the test have ended, and this one gives its place back.
class Runtime : public sched_test::Runtime {
 public:
  using sched_test::Runtime::Runtime;
  ~Runtime() {
    if (cw_thread_attach() == CW_OK) cw_thread_detach();
    CHECK(stats().foreign_threads == 0);
  }
};

// The M of the code that runs here: the same for all calls of a bound thread. Null outside of managed code.
inline void* this_m() { return causeway::os::this_m(); }

// A thread of the host; joined by the destructor.
class HostThread {
 public:
  // stack_bytes 0: the system's default. memory: a stack of one's own, of that size.
  explicit HostThread(std::function<void()> body, size_t stack_bytes = 0, void* memory = nullptr) : body_(std::move(body)) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int error = 0;
    const auto least = static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN));  // 128 KiB on aarch64
    if (memory == nullptr && stack_bytes != 0 && stack_bytes < least) stack_bytes = least;
    if (memory != nullptr) error = pthread_attr_setstack(&attributes, memory, stack_bytes);
    else if (stack_bytes != 0) error = pthread_attr_setstacksize(&attributes, stack_bytes);
    if (error == 0) error = pthread_create(&thread_, &attributes, &HostThread::run, this);
    pthread_attr_destroy(&attributes);
    if (error != 0) std::abort();
  }
  ~HostThread() { join(); }
  HostThread(const HostThread&) = delete;
  HostThread& operator=(const HostThread&) = delete;

  void join() {
    if (!joined_) pthread_join(thread_, nullptr);
    joined_ = true;
  }
  pthread_t native() const { return thread_; }

 private:
  static void* run(void* self) {
    static_cast<HostThread*>(self)->body_();
    return nullptr;
  }
  std::function<void()> body_;
  pthread_t thread_{};
  bool joined_ = false;
};

// On a new thread, to its end.
inline void on_thread(std::function<void()> body, size_t stack_bytes = 0) { HostThread(std::move(body), stack_bytes); }

// Memory for a stack, with a guard page below, so that an overflow is a crash and not somebody else's trouble.
class StackMemory {
 public:
  explicit StackMemory(size_t bytes) : bytes_(bytes) {
    void* at = mmap(nullptr, bytes + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED || mprotect(at, kGuard, PROT_NONE) != 0) std::abort();
    low_ = static_cast<char*>(at) + kGuard;
  }
  ~StackMemory() { munmap(low_ - kGuard, bytes_ + kGuard); }
  StackMemory(const StackMemory&) = delete;
  StackMemory& operator=(const StackMemory&) = delete;

  char* low() const { return low_; }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kGuard = 64 * 1024;  // a page on every system
  char* low_;
  size_t bytes_;
};

inline constexpr size_t kHostStack = 256 * 1024;  // sanitizers make frames several times larger

// A coroutine of the host; see tests/c/host_stack.h.
class Coroutine {
 public:
  explicit Coroutine(std::function<void(Coroutine&)> body, size_t bytes = kHostStack)
      : body_(std::move(body)), own_(std::make_unique<StackMemory>(bytes)) {
    host_stack_init(&stack_, own_->low(), bytes, &Coroutine::run, this);
  }
  // On memory of the caller's.
  Coroutine(std::function<void(Coroutine&)> body, char* low, size_t bytes) : body_(std::move(body)) {
    host_stack_init(&stack_, low, bytes, &Coroutine::run, this);
  }
  ~Coroutine() { host_stack_end(&stack_); }
  Coroutine(const Coroutine&) = delete;
  Coroutine& operator=(const Coroutine&) = delete;

  void resume() { host_stack_resume(&stack_); }
  void suspend() { host_stack_suspend(&stack_); }
  bool done() const { return stack_.done != 0; }
  char* low() const { return stack_.low; }
  size_t bytes() const { return stack_.size; }

 private:
  static void run(host_stack* stack) {
    auto* const self = static_cast<Coroutine*>(stack->arg);
    self->body_(*self);
  }
  std::function<void(Coroutine&)> body_;
  std::unique_ptr<StackMemory> own_;
  host_stack stack_;
};

// cw_enter and cw_call of a function object that throws nothing.
template <class F>
void run_object(void* arg) {
  (*static_cast<std::remove_reference_t<F>*>(arg))();
}
template <class F>
cw_status enter(F&& body) {
  return cw_enter(&run_object<F>, const_cast<void*>(static_cast<const void*>(&body)));
}
template <class F>
cw_status call(F&& body, int kind = CW_QUICK) {
  return cw_call(kind, &run_object<F>, const_cast<void*>(static_cast<const void*>(&body)));
}

// Locals that tell whether somebody wrote over them.
class Locals {
 public:
  explicit Locals(unsigned owner) : owner_(owner) {
    for (unsigned i = 0; i < kWords; ++i) words_[i] = word(i);
  }
  bool intact() const {
    for (unsigned i = 0; i < kWords; ++i)
      if (words_[i] != word(i)) return false;
    return true;
  }

 private:
  static constexpr unsigned kWords = 32;
  unsigned word(unsigned i) const { return owner_ * 2654435761u + i; }
  unsigned owner_;
  volatile unsigned words_[kWords];
};

// Runs body below a frame of that many bytes. (At most 1 MiB.)
template <class F>
[[gnu::noinline]] void below(size_t bytes, F&& body) {
  asm volatile("" : "+r"(bytes));  // a size that the compiler knows makes it a local, and AddressSanitizer has those elsewhere
  auto* room = static_cast<volatile char*>(__builtin_alloca(bytes + 1));
  for (size_t i = 0; i < bytes; i += 512) room[i] = 1;
  room[bytes] = 2;
  body();
  if (room[bytes] != 2) std::abort();
}

}  // namespace crossing_test
