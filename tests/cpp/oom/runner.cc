// SPDX-License-Identifier: MIT
//
// Each scenario in four sweeps (memory or system, once or from then on), each sweep in a child process with a time limit: a crash, a hang or
// a deadlock report is one failed case, and says at which N. Prints N, the number of requests that were refused one after another.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>

#include "runtime/sched/sched.hpp"
#include "tests/cpp/oom/inject.hpp"
#include "tests/cpp/oom/limits.hpp"
#include "tests/cpp/oom/scenario.hpp"

namespace oom {
namespace {

constexpr int kSweepLimitMs = 120'000;  // a sweep takes a second or two by itself
constexpr uint64_t kStopLimitNs = 30'000'000'000;
constexpr uint64_t kMostRequests = 5'000;  // far more than a scenario makes: a count that never ends is a fault of the test

// The child's notes for its parent, who reads them after its end.
struct Notes {
  uint64_t n = 0;
  bool done = false;
};
Notes* notes = nullptr;

[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char* format, ...) {
  disarm();
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  std::fputc('\n', stderr);
  _exit(1);
}

struct Refused {};

enum class Outcome { Completed, Refused };

// The scenario itself; every way out but success that a shortage allows is Refused.
Outcome body(const Scenario& scenario) {
  try {
    scenario.run();
    return Outcome::Completed;
  } catch (const Refused&) {
  } catch (const std::bad_alloc&) {
  } catch (const causeway::error& e) {
    if (!is_shortage(e.status())) fail("causeway::error %s: %s", cw_status_name(e.status()), e.what());
  } catch (const std::system_error& e) {
    if (e.code().value() != EAGAIN && e.code().value() != ENOMEM) fail("std::system_error: %s", e.what());
  }
  return Outcome::Refused;
}

Outcome run(const Scenario& scenario) {
  Outcome outcome = Outcome::Completed;
  cw_status status = CW_OK;
  if (scenario.start == Start::ByRunner) {
    cw_options options;
    cw_options_init(&options);
    options.processors = 3;
    status = cw_runtime_start(&options);
    if (status != CW_OK) {
      if (!is_shortage(status)) fail("the start answered %s: %s", cw_status_name(status), cw_last_error());
      return Outcome::Refused;
    }
  }
  outcome = body(scenario);
  status = cw_runtime_stop(kStopLimitNs);
  const bool maybe_off = scenario.start == Start::ByScenario && status == CW_E_STATE;
  if (status != CW_OK && !maybe_off) fail("the stop answered %s: %s", cw_status_name(status), cw_last_error());
  return outcome;
}

// A joined thread leaves /proc a little later; all else is gone when the stop returns.
Holdings settle(const Holdings& before) {
  Holdings now = holdings();
  for (int i = 0; i < 30'000 && now.threads > before.threads; ++i) {
    usleep(1000);
    now = holdings();
  }
  return now;
}

void print_growth(uint64_t n, const Holdings& a, const Holdings& b) {
  fail("left over at N = %llu: %lld allocations, %lld bytes mapped by us, %lld in all, %lld threads, %lld descriptors, %lld handles",
       static_cast<unsigned long long>(n), static_cast<long long>(b.allocations - a.allocations),
       static_cast<long long>(b.mapped_bytes - a.mapped_bytes), static_cast<long long>(b.address_space - a.address_space),
       static_cast<long long>(b.threads - a.threads), static_cast<long long>(b.descriptors - a.descriptors),
       static_cast<long long>(b.handles - a.handles));
}

uint64_t run_refusing(const Scenario& scenario, Resource resource, Mode mode, uint64_t n, Outcome* outcome) {
  arm(resource, mode, n);
  *outcome = run(scenario);
  return disarm();
}

// In the child. Ends it on a failure.
void sweep(const Scenario& scenario, Resource resource, Mode mode) {
  for (int i = 0; i < 3; ++i)  // what is made once per process
    if (run(scenario) != Outcome::Completed) fail("refused although nothing failed: %s", cw_last_error());
  Holdings before = holdings();
  for (uint64_t n = 1;; ++n) {
    notes->n = n;
    if (n > kMostRequests) fail("the requests never end");
    Outcome outcome;
    uint64_t refused = run_refusing(scenario, resource, mode, n, &outcome);
    Holdings after = settle(before);
    if (after.more_than(before)) {
      // Something that is made once per process may have come into being just now. A leak comes each time.
      const Holdings once = after;
      Outcome again;
      refused = run_refusing(scenario, resource, mode, n, &again);
      after = settle(once);
      if (after.more_than(once)) print_growth(n, once, after);
      before = after;
    }
    if (refused == 0) {
      if (outcome != Outcome::Completed) fail("refused although nothing failed: %s", cw_last_error());
      return;
    }
    if (run(scenario) != Outcome::Completed) fail("the next run without a failure was refused: %s", cw_last_error());
    after = settle(before);
    if (after.more_than(before)) print_growth(n, before, after);
  }
}

struct Ended {
  bool good = false;
  std::string why, text;
};

template <class Body>
Ended in_child(Body child_body, int limit_ms) {
  *notes = Notes{};
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return {};
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(fds[1], STDERR_FILENO);
    child_body();
    notes->done = true;
    _exit(0);
  }
  close(fds[1]);
  Ended end;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - std::chrono::steady_clock::now()).count();
    pollfd entry{fds[0], POLLIN, 0};
    if (left <= 0 || poll(&entry, 1, static_cast<int>(left)) == 0) {
      end.why = "hung";
      kill(child, SIGKILL);
      break;
    }
    char piece[4096];
    const ssize_t n = read(fds[0], piece, sizeof piece);
    if (n <= 0) break;
    if (end.text.size() < 20'000) end.text.append(piece, static_cast<size_t>(n));
  }
  close(fds[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (end.why.empty() && WIFSIGNALED(status)) end.why = "ended by signal " + std::to_string(WTERMSIG(status));
  if (end.why.empty() && WEXITSTATUS(status) != 0) end.why = "failed";
  end.good = end.why.empty() && notes->done;
  return end;
}

int ran = 0, failed = 0;

void report(const std::string& name, const Ended& end) {
  ++ran;
  if (end.good) {
    std::printf("ok     %-40s N = %llu\n", name.c_str(), static_cast<unsigned long long>(notes->n));
  } else {
    ++failed;
    std::printf("FAILED %-40s %s at N = %llu\n--- its stderr\n%s---\n", name.c_str(), end.why.c_str(),
                static_cast<unsigned long long>(notes->n), end.text.c_str());
  }
  std::fflush(stdout);
}

bool wanted(const char* name, int argc, char** argv) {
  return argc == 1 || std::any_of(argv + 1, argv + argc, [&](const char* each) { return std::strcmp(each, name) == 0; });
}

}  // namespace

bool is_shortage(cw_status status) noexcept {
  return status == CW_E_NOMEM || status == CW_E_LIMIT || status == CW_E_SYSTEM || status == CW_E_NOT_READY;
}

void need(cw_status status) {
  if (status == CW_OK) return;
  // Cancelled: on a green thread whose task is being given up because something else was refused.
  if (!is_shortage(status) && !(status == CW_E_CANCELLED && cw_on_green() == 1))
    fail("a call answered %s: %s", cw_status_name(status), cw_last_error());
  throw Refused{};
}

void wrong(const char* text) { fail("wrong: %s", text); }

std::vector<Scenario> all_scenarios() {
  std::vector<Scenario> all;
  for (const auto* list : {&lifecycle_scenarios(), &green_scenarios(), &meeting_scenarios(), &handle_scenarios(), &io_scenarios(),
                           &calls_scenarios(), &bridge_scenarios(), &traceback_scenarios()})
    all.insert(all.end(), list->begin(), list->end());
  return all;
}

}  // namespace oom

int main(int argc, char** argv) {
  using namespace oom;
  // The C library keeps stacks of ended threads, their tables and arenas for later: here each would look like a leak. Read before main().
  if (getenv("GLIBC_TUNABLES") == nullptr) {
    setenv("GLIBC_TUNABLES", "glibc.pthread.stack_cache_size=0:glibc.malloc.arena_max=1", 1);
    execv("/proc/self/exe", argv);
  }
  notes = new (mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Notes;
  constexpr struct {
    const char* name;
    Resource resource;
    Mode mode;
  } kSweeps[] = {{"memory, once", Resource::Memory, Mode::Once},
                 {"memory, from then on", Resource::Memory, Mode::FromNow},
                 {"system, once", Resource::System, Mode::Once},
                 {"system, from then on", Resource::System, Mode::FromNow}};
  for (const Scenario& scenario : all_scenarios()) {
    if (!wanted(scenario.name, argc, argv)) continue;
    for (const auto& each : kSweeps)
      report(std::string(scenario.name) + ": " + each.name, in_child([&] { sweep(scenario, each.resource, each.mode); }, kSweepLimitMs));
  }
  for (const Limit& limit : limits()) {
    if (!wanted(limit.name, argc, argv)) continue;
    report(limit.name, in_child(limit.run, kSweepLimitMs));
  }
  std::printf("test cases: %d | %d passed | %d failed | 0 skipped\n", ran, ran - failed, failed);
  return ran == 0 || failed != 0;
}
