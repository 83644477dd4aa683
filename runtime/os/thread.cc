// SPDX-License-Identifier: MIT
#include "runtime/os/thread.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/os/fault_hook.hpp"
#include "runtime/os/memory.hpp"

namespace causeway::os {
namespace {

constexpr int kFaultSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

size_t rounded_stack(size_t bytes) noexcept {
  const long minimum = sysconf(_SC_THREAD_STACK_MIN);  // larger than PTHREAD_STACK_MIN where the CPU has much state
  const size_t at_least = minimum > 0 ? static_cast<size_t>(minimum) : 16384;
  const size_t page = page_size();
  return ((bytes > at_least ? bytes : at_least) + page - 1) / page * page;
}

// Written by start(), before threads that read it. cpus_known false: they inherit, as threads do.
cpu_set_t cpus;
bool cpus_known = false;

// The caller is of a class of its own, an audio thread say, and the process is not: what we run is no such work. (Only classes that any thread may
// leave.)
bool is_special() noexcept {
  const int own = sched_getscheduler(0);
  return (own == SCHED_FIFO || own == SCHED_RR || own == SCHED_BATCH) && sched_getscheduler(getpid()) == SCHED_OTHER;
}

base::Error thread_error(int error) noexcept {
  if (error == EAGAIN || error == ENOMEM)
    return base::fail(
        CW_E_NOMEM, "no new thread: out of memory, or the thread limit of the user (ulimit -u) or the cgroup (pids.max) is reached", error);
  return base::fail(CW_E_SYSTEM, "no new thread: pthread_create failed", error);
}

}  // namespace

base::Result<pthread_t> thread_create(void* (*fn)(void*), void* arg, size_t stack_bytes, const char* name) noexcept {
  pthread_attr_t attributes;
  if (const int error = pthread_attr_init(&attributes)) return thread_error(error);
  int error = 0;
  // Near the top of the number range the rounding would wrap: no such stack exists.
  if (stack_bytes > SIZE_MAX / 2) error = ENOMEM;
  if (error == 0 && stack_bytes != 0) error = pthread_attr_setstacksize(&attributes, rounded_stack(stack_bytes));
  cpu_set_t own;
  // Only where it makes a difference: the attribute costs the new thread a system call.
  if (error == 0 && cpus_known && sched_getaffinity(0, sizeof own, &own) == 0 && CPU_EQUAL(&own, &cpus) == 0)
    error = pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
  if (error == 0 && is_special()) {
    const sched_param none{};
    error = pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    if (error == 0) error = pthread_attr_setschedpolicy(&attributes, SCHED_OTHER);
    if (error == 0) error = pthread_attr_setschedparam(&attributes, &none);
  }
  pthread_t thread{};
  if (error == 0) {
    // The new thread inherits the mask of its creator, so there is no moment in which a signal could reach it.
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (const int signal : kFaultSignals) sigdelset(&blocked, signal);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = fault_injected(FaultPoint::Thread) ? errno : pthread_create(&thread, &attributes, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  pthread_attr_destroy(&attributes);
  if (error != 0) return thread_error(error);
  if (name != nullptr && name[0] != '\0') {
    char cut[16] = {};
    std::strncpy(cut, name, sizeof cut - 1);
    pthread_setname_np(thread, cut);  // for people only; it may fail without /proc
  }
  return thread;
}

namespace {
sigset_t host_mask;  // written by start(), before there is a thread of ours
}

void remember_mask() noexcept {
  if (pthread_sigmask(SIG_BLOCK, nullptr, &host_mask) != 0) sigemptyset(&host_mask);
}

void take_host_mask(int but) noexcept {
  sigset_t mask = host_mask;
  for (const int signal : kFaultSignals) sigdelset(&mask, signal);
  if (but != 0) sigdelset(&mask, but);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

void remember_cpus() noexcept { cpus_known = sched_getaffinity(0, sizeof cpus, &cpus) == 0; }

int thread_id() noexcept { return static_cast<int>(syscall(SYS_gettid)); }

bool thread_stack_bounds(uintptr_t* low, uintptr_t* high) noexcept {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return false;
  void* address = nullptr;
  size_t bytes = 0;
  const bool found = pthread_attr_getstack(&attributes, &address, &bytes) == 0 && bytes != 0;
  pthread_attr_destroy(&attributes);
  if (!found) return false;
  *low = reinterpret_cast<uintptr_t>(address);
  *high = *low + bytes;
  return true;
}

}  // namespace causeway::os
