// SPDX-License-Identifier: MIT
//
// Hog reports: which function a green thread was in that ran for long without a call into the runtime while others waited.
//
// The P of a hog is taken without a signal (monitor.cc, crossing/gate.hpp). Only who wants to know its place needs more, and gets it in two ways:
//
//   it came back     at its next call of ours it reads its own frames: where it came from. Level info, or warn if it took a second.
//   it stays away    after a second the monitor sends its thread one signal, if the kernel says that it runs; the handler reads the frames and
//                    nothing else. Level warn. Who sleeps in a system call is left alone: many calls end with EINTR in spite of
//                    SA_RESTART, and a signal that is sent into execve() would end the program that comes after it.
//
// Each function is reported once. The signal: own_signal.hpp.
//
//   INV-HOG1  At most one signal per M is under way: who sends it moves `sample` from kNone to kAsked, the handler to kTaken, the monitor back.
//   INV-HOG2  A thread is sent the signal under Scheduler::lock while `away`: so it exists, and runs user code or waits for that lock.
//
// Not chosen: /proc/self/task/*/stat and syscall (the kernel keeps the registers of a running thread to itself), perf events (Debian refuses them),
// the stack's words without the registers (calls that have returned leave frames that look alike).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/frames.hpp"

namespace causeway::sched {

struct G;
struct M;

// Who a report is about, as copied while that was safe.
struct HogName {
  uint64_t id = 0;
  char name[48] = "";
};

// Part of each M.
struct HogState {
  static constexpr uint32_t kNone = 0, kAsked = 1, kTaking = 2, kTaken = 3;

  // --- guarded by Scheduler::lock ---
  bool away = false;      // its P was taken, and it has not come back
  bool asked = false;     // in this absence
  uint64_t since_ns = 0;  // when the monitor first saw it run
  // --- the handler's, from kAsked to kTaken; then the monitor's ---
  std::atomic<uint32_t> sample{kNone};
  HogName who;
  Frames frames;         // none: it was inside the runtime already
  bool dropped = false;  // or its stack was being changed: stack_lock.hpp
};

// --- by the monitor ---
// m's P was taken just now. Needs: Scheduler::lock
void hog_detached_locked(M* m, uint64_t since_ns) noexcept;
// Asks those that stay away, and prints what is to be reported. Allocates, logs. Needs: no locks
void report_hogs(uint64_t now) noexcept;
// Something is left to be reported, so the monitor must not go to sleep.
bool hog_reports_wait() noexcept;
// max_hogs Ms are without a P already: this one keeps its own. Counted, and said once.
void hog_refused() noexcept;

// --- by the hog itself, at its first call of ours after it lost its P ---
void hog_returned(M* m, G* g) noexcept;

// In the handler of own_signal.hpp, on m's thread: where it is, if the monitor has asked.
// Signal-safe: yes
void sample_hog(M* m, const os::ContextRegisters& at) noexcept;

// By the monitor's start.
void start_hog_reports() noexcept;

}  // namespace causeway::sched
