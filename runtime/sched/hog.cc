// SPDX-License-Identifier: MIT
//
// sample_hog() runs in signal context, on the worker's alternate stack: it reads the interrupted green thread's frames and stores.
#include "runtime/sched/hog.hpp"

#include <string.h>

#include "runtime/sched/own_signal.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

constexpr uint64_t kLongNs = 1'000'000'000;  // from here on it is a warning, and worth a signal
constexpr uint32_t kBoard = 16, kFunctions = 256;

struct Report {
  HogName who;
  uint64_t ran_ns = 0;
  bool back = false;
  bool asleep = false;   // in a system call
  bool dropped = false;  // HogState::dropped
  Frames frames;
};

// What is to be printed; hogs that came back write it, the monitor prints. When it is full, further reports are lost.
struct Board {
  base::Lock lock{base::LockRank::Log};
  std::atomic<uint32_t> n{0};  // written under the lock
  Report reports[kBoard];      // guarded by the lock
};
constinit Board board;
CW_STATIC_LOCK(board.lock);

// --- the monitor's own ---
uintptr_t known[2][kFunctions];  // functions that were reported as away, as back
uint32_t known_count[2];

std::atomic<uint64_t> refused{0};
bool said_refused;

void post(const Report& report) noexcept {
  base::LockGuard guard(board.lock);
  const uint32_t n = board.n.load(std::memory_order_relaxed);
  if (n == kBoard) return;
  board.reports[n] = report;
  board.n.store(n + 1, std::memory_order_relaxed);
}

// Signal-safe: yes. Needs: g runs, on the calling thread: its name is its own until it ends.
void copy_name(const G* g, HogName* to) noexcept {
  to->id = g->id;
  size_t n = 0;
  for (; g->name != nullptr && n + 1 < sizeof to->name && g->name[n] != '\0'; ++n) to->name[n] = g->name[n];
  to->name[n] = '\0';
}

// Needs: g is away and Scheduler::lock is held, so it is current until we let go. Its name goes at its end, before that lock.
void name_from_outside(const G* g, HogName* to) noexcept {
  base::Lock& lock = const_cast<G*>(g)->join_lock;
  to->id = g->id;
  if (!lock.try_lock()) return;
  copy_name(g, to);
  lock.unlock();
}

// What the kernel says of a thread: it runs, or could; it sleeps in a call; or nothing, without /proc.
enum class Seen : uint8_t { Runs, Sleeps, Unknown };
Seen look_at(int tid) noexcept {
  char text[256];
  if (!scheduler().options.use_proc || !os::read_task_file(tid, "/syscall", text, sizeof text)) return Seen::Unknown;
  return strncmp(text, "running", 7) == 0 ? Seen::Runs : Seen::Sleeps;
}

// Sends the signal to whoever stays away; who cannot be asked is reported without a place.
void ask(uint64_t now) noexcept {
  Scheduler& s = scheduler();
  Report unplaced[4];
  uint32_t n = 0;
  {
    base::LockGuard guard(s.lock);
    if (s.hogs == 0) return;
    const uint32_t count = s.m_count.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < count; ++i) {
      M* m = s.ms[i];
      HogState& hog = m->hog;
      if (!hog.away || hog.asked || now - hog.since_ns < kLongNs || hog.sample.load(std::memory_order_relaxed) != HogState::kNone) continue;
      if (n == 4) break;  // the others at the next tick
      hog.asked = true;
      const int tid = m->tid.load(std::memory_order_relaxed);
      const Seen seen = look_at(tid);
      // release: we have read the last sample; pairs with the acquire in sample_hog(). INV-HOG1
      hog.sample.store(HogState::kAsked, std::memory_order_release);
      if (seen == Seen::Runs && m->alt_stack.installed() && own_signal_ready() && send_own_signal(m)) continue;
      hog.sample.store(HogState::kNone, std::memory_order_relaxed);
      name_from_outside(m->current, &unplaced[n].who);
      unplaced[n].asleep = seen == Seen::Sleeps;
      unplaced[n++].ran_ns = now - hog.since_ns;
    }
  }
  for (uint32_t i = 0; i < n; ++i) post(unplaced[i]);
}

void collect(uint64_t now) noexcept {
  Scheduler& s = scheduler();
  const uint32_t count = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i) {
    HogState& hog = s.ms[i]->hog;
    // acquire: pairs with the release at the end of on_hog_signal().
    if (hog.sample.load(std::memory_order_acquire) != HogState::kTaken) continue;
    Report report;
    report.who = hog.who;
    report.frames = hog.frames;
    report.dropped = hog.dropped;
    {
      base::LockGuard guard(s.lock);
      report.ran_ns = now - hog.since_ns;
    }
    hog.sample.store(HogState::kNone, std::memory_order_release);  // we have read it, whoever asks next
    if (report.frames.n != 0 || report.dropped) post(report);      // none: it came back meanwhile, and says so itself
  }
}

// False: it is there, or there is no room for more.
bool is_new(bool back, uintptr_t where) noexcept {
  uint32_t& n = known_count[back];
  for (uint32_t i = 0; i < n; ++i)
    if (known[back][i] == where) return false;
  if (n == kFunctions) return false;
  known[back][n++] = where;
  return true;
}

void print(const Report& report) noexcept {
  const base::LogLevel level = report.ran_ns >= kLongNs ? base::LogLevel::Warn : base::LogLevel::Info;
  if (!base::log_wanted(level)) return;
  // By its addresses first: to find a name costs reading a file.
  uintptr_t way = 0;
  for (uint32_t i = 0; i < report.frames.n; ++i) way = (way ^ report.frames.pc[i]) * 0x9e3779b97f4a7c15ULL;
  if (report.frames.n != 0 && !is_new(report.back, way)) return;
  PlaceText places;
  const uintptr_t function = name_frames(report.frames, places);
  if (function != 0 && !is_new(report.back, function)) return;
  base::TextBuffer<6400> text;
  text.append("green thread ").append_dec(report.who.id);
  if (report.who.name[0] != '\0') text.append(" \"").append(report.who.name).append("\"");
  text.append(report.back ? " ran for " : " has run for ").append_dec(report.ran_ns / 1'000'000);
  text.append(" ms without a call into the runtime while others waited");
  if (places.size() != 0) text.append(report.back ? "; it came back from " : "; it is in ").append(places.view());
  else if (report.back) text.append("; it has come to its end, or runs code without frame pointers");
  else if (report.dropped) text.append("; where is not known, for its stack was just being changed");
  else if (report.asleep) text.append("; it sleeps in a system call");
  else text.append("; where is not known, for its signal is in use (option signal) or /proc cannot be read");
  base::log(level, text.view());
}

}  // namespace

void sample_hog(M* m, const os::ContextRegisters& at) noexcept {
  HogState& hog = m->hog;
  uint32_t asked = HogState::kAsked;
  // acquire: the monitor is done with the last sample. INV-HOG1
  if (!hog.sample.compare_exchange_strong(asked, HogState::kTaking, std::memory_order_acquire, std::memory_order_relaxed)) return;
  hog.frames.n = 0;
  hog.dropped = false;
  G* g = m->current;
  if (!m->gate.in_runtime() && !g->is_system) {
    if (g->stack_lock.try_lock()) {
      interrupted_frames(m, at, &hog.frames);
      g->stack_lock.unlock();
    } else {
      hog.dropped = true;
    }
    copy_name(g, &hog.who);
  }
  hog.sample.store(HogState::kTaken, std::memory_order_release);  // the sample; pairs with the acquire in collect()
}

void hog_detached_locked(M* m, uint64_t since_ns) noexcept {
  m->hog.away = true;
  m->hog.asked = false;
  m->hog.since_ns = since_ns;
}

void hog_returned(M* m, G* g) noexcept {
  Report report;
  report.back = true;
  const uint64_t now = os::now_ns();
  {
    base::LockGuard guard(scheduler().lock);
    report.ran_ns = now - m->hog.since_ns;
    m->hog.away = false;
  }
  copy_name(g, &report.who);
  own_frames(g, &report.frames);
  post(report);
}

void hog_refused() noexcept { refused.fetch_add(1, std::memory_order_relaxed); }

bool hog_reports_wait() noexcept { return board.n.load(std::memory_order_relaxed) != 0; }

void report_hogs(uint64_t now) noexcept {
  ask(now);
  collect(now);
  if (refused.load(std::memory_order_relaxed) != 0 && !said_refused) {
    said_refused = true;
    base::log(base::LogLevel::Warn,
              "max_hogs green threads run without a call into the runtime; further ones keep their processor, and others may have to wait");
  }
  while (hog_reports_wait()) {
    Report report;
    {
      base::LockGuard guard(board.lock);
      const uint32_t n = board.n.load(std::memory_order_relaxed);
      report = board.reports[0];
      for (uint32_t i = 1; i < n; ++i) board.reports[i - 1] = board.reports[i];
      board.n.store(n - 1, std::memory_order_relaxed);
    }
    print(report);
  }
}

void start_hog_reports() noexcept {
  known_count[0] = known_count[1] = 0;
  said_refused = false;
  refused.store(0, std::memory_order_relaxed);
}

}  // namespace causeway::sched
