// SPDX-License-Identifier: MIT
#include "runtime/sched/deadlock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/sched/blocked_threads.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

struct BlockedThreads {
  base::Lock lock{base::LockRank::Log};
  base::IntrusiveList<BlockedThread, &BlockedThread::link_> list;
};

namespace {

BlockedThreads blocked;  // trivially destructible as far as it matters: no thread touches it in exit()

// Reads a small file of /proc whole; false if it is not there or larger.
bool read_proc(const char* path, char* to, size_t room) noexcept {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t n = 0;
  for (;;) {
    const ssize_t got = read(fd, to + n, room - 1 - n);
    if (got < 0) {
      close(fd);
      return false;
    }
    if (got == 0) break;
    n += static_cast<size_t>(got);
    if (n + 1 == room) break;
  }
  close(fd);
  to[n] = '\0';
  return n + 1 < room;
}

// Is a handler of the host installed for a signal that may come at any time?
bool host_handles_signals() noexcept {
  char text[8192];
  if (!read_proc("/proc/self/status", text, sizeof text)) return true;
  const char* line = strstr(text, "\nSigCgt:");
  if (line == nullptr) return true;
  const uint64_t caught = strtoull(line + 8, nullptr, 16);
  uint64_t harmless = 0;
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, 32, 33}) harmless |= uint64_t{1} << (signal - 1);
  return (caught & ~harmless) != 0;
}

bool posix_timers_exist() noexcept {
  char text[256];
  const int fd = open("/proc/self/timers", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;  // a kernel without them in /proc: SIGEV_THREAD would show as a thread, signals as a handler
  const ssize_t got = read(fd, text, sizeof text);
  close(fd);
  return got != 0;
}

bool is_worker(int tid) noexcept {
  Scheduler& s = scheduler();
  const uint32_t count = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i)
    if (!s.ms[i]->ended.load(std::memory_order_acquire) && s.ms[i]->tid.load(std::memory_order_relaxed) == tid) return true;
  return false;
}

// Every thread of the process is one that wakes nobody.
bool all_threads_are_harmless() noexcept {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return false;
  bool harmless = true, any = false;
  while (harmless) {
    const dirent* entry = readdir(tasks);
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    const int tid = atoi(entry->d_name);
    any = true;
    harmless = tid == monitor_tid() || is_worker(tid) || BlockedThread::sleeps_for_ever(tid);
  }
  closedir(tasks);
  return harmless && any;
}

uint64_t alive() noexcept {
  Scheduler& s = scheduler();
  uint64_t spawned = s.foreign_spawned.load(std::memory_order_relaxed), ended = 0;
  for (uint32_t i = 0; i < s.p_count; ++i) {
    ended += s.ps[i]->ended.load(std::memory_order_relaxed);
    spawned += s.ps[i]->spawned.load(std::memory_order_relaxed);
  }
  return spawned - ended;
}

bool deadlocked() noexcept {
  Scheduler& s = scheduler();
  return s.options.deadlock_report && phase() == Phase::Running && alive() != 0 && earliest_timer() == kNoDeadline &&
         s.idle.view().idle == s.p_count && s.inject.empty() && all_threads_are_harmless() && !posix_timers_exist() &&
         !host_handles_signals();
}

}  // namespace

BlockedThread::BlockedThread(bool for_ever, const std::atomic<uint32_t>& woken) noexcept
    : tid_(os::thread_id()), for_ever_(for_ever), woken_(woken) {
  {
    base::LockGuard guard(blocked.lock);
    blocked.list.push_back(this);
  }
  if (for_ever && phase() == Phase::Running) monitor_wake();  // it may be the last that could have woken somebody
}

BlockedThread::~BlockedThread() {
  base::LockGuard guard(blocked.lock);
  blocked.list.remove(this);
}

bool BlockedThread::sleeps_for_ever(int tid) noexcept {
  base::LockGuard guard(blocked.lock);
  for (BlockedThread* t = blocked.list.front(); t != nullptr; t = blocked.list.next(t))
    if (t->tid_ == tid) return t->for_ever_ && t->woken_.load(std::memory_order_acquire) == 0;  // acquire: pairs with ready()
  return false;
}

bool DeadlockCheck::look() noexcept {
  if (!deadlocked()) {
    suspicions_ = 0;
    return false;
  }
  // Twice in a row, a tick apart: a thread on its way out of a wait, or a wake-up on its way in, is gone by then.
  if (++suspicions_ < 3) return true;
  base::TextBuffer<256> text;
  text.append("all ");
  text.append_dec(alive());
  text.append(" green threads are asleep and no thread is left that could wake one");
  base::raw_write("causeway: green threads at the deadlock:\n");
  print_green_threads(100);
  base::fatal(base::FatalId::Deadlock, text.view());
}

void print_green_threads(uint32_t most) noexcept {
  Scheduler& s = scheduler();
  const uint32_t used = s.arena->used();
  uint32_t printed = 0;
  uint64_t left_out = 0;
  for (uint32_t i = 0; i < used; ++i) {
    const G* g = s.arena->at(i);
    const GState state = g->state.load(std::memory_order_relaxed);
    if (state == GState::Free || state == GState::Dead) continue;
    if (printed == most) {
      ++left_out;
      continue;
    }
    ++printed;
    base::TextBuffer<256> line;
    line.append("  green thread ");
    append_identity(line, g);
    line.append(state == GState::Running ? ": running" : state == GState::Runnable ? ": ready to run" : ": waits for ");
    if (state == GState::Parked) {
      const char* waits_for = g->waits_for.load(std::memory_order_relaxed);
      line.append(waits_for != nullptr ? waits_for : "something");
    }
    line.append("\n");
    base::raw_write(line.view());
  }
  if (left_out == 0) return;
  base::TextBuffer<64> rest;
  rest.append("  and ");
  rest.append_dec(left_out);
  rest.append(" more\n");
  base::raw_write(rest.view());
}

}  // namespace causeway::sched
