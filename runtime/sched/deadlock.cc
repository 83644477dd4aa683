// SPDX-License-Identifier: MIT
#include "runtime/sched/deadlock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sched/blocked_threads.hpp"
#include "runtime/sched/frames.hpp"
#include "runtime/sched/own_signal.hpp"
#include "runtime/sched/poller.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/stall.hpp"

namespace causeway::sched {

namespace {

constexpr uint32_t kLooks = 3;                                                          // INV-DL4
constexpr uint64_t kFirstPatienceNs = 1'000'000'000, kMostPatienceNs = 60'000'000'000;  // between looks at threads that may yet end
constexpr uint32_t kGreensPrinted = 100, kThreadsPrinted = 20;

// The number after `name` at the start of a line of /proc/self/status.
bool status_field(const char* text, const char* name, int base, uint64_t* value) noexcept {
  const char* line = strstr(text, name);
  if (line == nullptr) return false;
  *value = strtoull(line + strlen(name), nullptr, base);
  return true;
}

// INV-DL3: a handler of the host is installed for a signal that may come at any time, or a debugger may call functions.
bool somebody_else_may_act() noexcept {
  char text[8192];
  uint64_t caught = 0, tracer = 0;
  if (!os::read_proc_file("/proc/self/status", text, sizeof text) || !status_field(text, "\nSigCgt:", 16, &caught) ||
      !status_field(text, "\nTracerPid:", 10, &tracer))
    return true;
  uint64_t harmless = 0;
  // Faults, which a sleeping thread does not raise; what the C library keeps for itself; and ours.
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, 32, 33, own_signal_installed()})
    if (signal != 0) harmless |= uint64_t{1} << (signal - 1);
  return tracer != 0 || (caught & ~harmless) != 0;
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
    if (!s.ms[i]->ended.load(std::memory_order_acquire) && s.ms[i]->tid.load(std::memory_order_relaxed) == tid)
      return s.ms[i]->gate.anchor() == 0;  // in C it may do anything, unless it sleeps in one of our waits
  return false;
}

// The kernel says that the thread is in futex() on that word. Not so while a handler runs on top of the wait.
bool sleeps_on(int tid, uintptr_t word) noexcept {
  char text[256];
  if (!os::read_task_file(tid, "/syscall", text, sizeof text)) return false;
  char* rest = nullptr;
  const unsigned long number = strtoul(text, &rest, 10);  // "running" has none
  return rest != text && number == SYS_futex && strtoull(rest, nullptr, 16) == word;
}

// A main thread that has ended stays in the list until the process does.
bool has_ended(int tid) noexcept {
  char text[512];
  if (!os::read_task_file(tid, "/stat", text, sizeof text)) return false;
  const char* name_end = strrchr(text, ')');
  return name_end != nullptr && name_end[1] == ' ' && (name_end[2] == 'Z' || name_end[2] == 'X');
}

bool is_harmless(int tid) noexcept {
  if (tid == monitor_tid() || is_worker(tid)) return true;
  uintptr_t word = 0;
  if (BlockedThread::sleeps_for_ever(tid, &word)) return sleeps_on(tid, word);
  return has_ended(tid);
}

// Visits the process's threads; false when there is no list, or visit() says so.
template <class Visit>
bool all_tasks(Visit visit) noexcept {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return false;
  bool good = true, any = false;
  while (good) {
    const dirent* entry = readdir(tasks);
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    any = true;
    good = visit(atoi(entry->d_name));
  }
  closedir(tasks);
  return good && any;
}

// INV-DL2
bool all_threads_are_harmless() noexcept {
  // The kernel lists them in the order of their birth, so a sum that depends on the order tells two lists apart.
  const auto mix = [](uint64_t sum, int tid) { return (sum ^ static_cast<uint64_t>(tid)) * 0x9e3779b97f4a7c15ULL; };
  uint64_t before = 1, after = 1;
  const uint64_t changes = BlockedThread::changes();
  return all_tasks([&](int tid) {
           before = mix(before, tid);
           return is_harmless(tid);
         }) &&
         all_tasks([&](int tid) {
           after = mix(after, tid);
           return true;
         }) &&
         before == after && BlockedThread::changes() == changes;
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

}  // namespace

void DeadlockCheck::reset() noexcept {
  suspicions_ = 0;
  patience_ns_ = UINT64_MAX;
}

bool DeadlockCheck::look() noexcept {
  Scheduler& s = scheduler();
  if (!s.options.deadlock_report || !s.options.use_proc || phase() != Phase::Running || alive() == 0 || earliest_timer() != kNoDeadline ||
      poller_has_waiters()) {
    reset();
    return false;
  }
  if (!all_threads_are_harmless() || posix_timers_exist() || somebody_else_may_act() || !all_idle() || earliest_timer() != kNoDeadline ||
      !no_event_will_come() || !all_idle()) {  // once more: what was in flight is in a queue by now (INV-POLL3)
    suspicions_ = 0;
    // A thread that still could act may end, or forget about us, and nobody tells: we look again, less and less often.
    patience_ns_ = patience_ns_ == UINT64_MAX ? kFirstPatienceNs : patience_ns_ < kMostPatienceNs / 2 ? patience_ns_ * 2 : kMostPatienceNs;
    return false;
  }
  if (++suspicions_ < kLooks) return true;
  base::TextBuffer<256> text;
  text.append("all ");
  text.append_dec(alive());
  text.append(" green threads are asleep and no thread is left that could wake one");
  base::raw_write("causeway: green threads at the deadlock:\n");
  print_green_threads(kGreensPrinted, &stalls_);
  BlockedThread::print(kThreadsPrinted);
  base::fatal(base::FatalId::Deadlock, text.view());
}

void print_green_threads(uint32_t most, const StallWatch* stalls) noexcept {
  Scheduler& s = scheduler();
  const uint64_t now = os::now_ns();
  const uint32_t used = s.arena->used();
  uint32_t printed = 0;
  uint64_t left_out = 0;
  for (uint32_t i = 0; i < used; ++i) {
    const G* g = s.arena->at(i);
    const GState state = g->state.load(std::memory_order_relaxed);
    if (!in_progress(g)) continue;
    if (printed == most) {
      ++left_out;
      continue;
    }
    ++printed;
    WaitText line;
    line.append("  green thread ");
    append_identity(line, g);
    line.append(state == GState::Running ? ": running" : state == GState::Runnable ? ": ready to run" : ": waits for ");
    if (state == GState::Parked) {
      append_wait(line, g);
      const uint64_t waited = stalls != nullptr ? stalls->seen_for(g, now) : 0;
      if (waited != 0) line.append(", for ").append_dec(waited / 1'000'000).append(" ms");
    }
    line.append("\n");
    base::raw_write(line.view());
    if (state != GState::Parked) continue;
    Frames frames;
    parked_frames(g, &frames);
    PlaceText places;
    name_frames(frames, places);
    if (places.size() == 0) continue;
    base::raw_write("    in ");
    base::raw_write(places.view());
    base::raw_write("\n");
  }
  if (left_out == 0) return;
  base::TextBuffer<64> rest;
  rest.append("  and ");
  rest.append_dec(left_out);
  rest.append(" more\n");
  base::raw_write(rest.view());
}

}  // namespace causeway::sched
