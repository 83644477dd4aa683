// SPDX-License-Identifier: MIT
//
// A green thread that runs for ever, or for long, is named with the function that it is in.
//
// Risk: the report names the wrong function, or none; or asking costs the host its signal. What is asked is a thread of its own
// program, so these cases run in child processes. A case ends by itself as soon as the report is there.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

using namespace std::chrono_literals;

std::atomic<bool> reported{false};
std::atomic<int> from_here{0}, from_there{0};
std::atomic<bool> enough{false};
std::atomic<uint64_t> rounds{0};

void log_to_stderr(int, const char* text, size_t size, void*) {
  std::fprintf(stderr, "log: %.*s\n", static_cast<int>(size), text);
  const std::string line(text, size);
  if (line.find("without a call into the runtime") != std::string::npos) reported = true;
  from_here += line.find("come_back_from_here") != std::string::npos;
  from_there += line.find("come_back_from_there") != std::string::npos;
}

[[gnu::noinline]] void spin_here_for_ever() {
  // Not fetch_add(): on some CPUs that is a call of a function without a frame, and then that one is where it is.
  while (!enough.load(std::memory_order_relaxed)) rounds.store(rounds.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

[[gnu::noinline]] void come_back_from_here() {
  causeway::this_green::yield();
  rounds.fetch_add(1, std::memory_order_relaxed);  // not a tail call
}

causeway::options one_processor(int level = CW_LOG_WARN) {
  cw_log_set(&log_to_stderr, nullptr);
  causeway::options options;
  options.processors = 1;
  options.log_level = level;
  return options;
}

// Until the report is there; the runner's limit ends a case in which it never comes.
void await_report() {
  while (!reported) usleep(1000);
}

// One that spins and one that wants to run: so the first is a hog.
void stays_away() {
  causeway::runtime runtime(one_processor());
  auto hog = causeway::spawn({.name = "spinner"}, spin_here_for_ever);
  causeway::spawn([] {}).join();
  await_report();
  enough = true;
  hog.join();
}

void comes_back() {
  causeway::runtime runtime(one_processor(CW_LOG_INFO));
  std::atomic<bool> spinning{false};
  auto hog = causeway::spawn({.name = "computer"}, [&] {
    spinning = true;
    while (!enough.load(std::memory_order_relaxed)) {}
    come_back_from_here();
  });
  while (!spinning) usleep(100);
  causeway::spawn([] {}).join();  // it has lost its processor, or this one would not have run
  enough = true;
  hog.join();
  await_report();
}

[[gnu::noinline]] void come_back_from_there() {
  causeway::this_green::yield();
  rounds.fetch_add(2, std::memory_order_relaxed);
}

// Each function is reported, each once: the first one runs twice, and the other one's report ends the case.
void comes_back_from_two() {
  causeway::runtime runtime(one_processor(CW_LOG_INFO));
  for (const auto from : {come_back_from_here, come_back_from_here, come_back_from_there}) {
    std::atomic<bool> spinning{false};
    enough = false;
    auto hog = causeway::spawn([&, from] {
      spinning = true;
      while (!enough.load(std::memory_order_relaxed)) {}
      from();
    });
    while (!spinning) usleep(100);
    causeway::spawn([] {}).join();
    enough = true;
    hog.join();
  }
  while (from_there == 0) usleep(1000);
  if (from_here != 1) _exit(3);
}

struct sigaction action_of(int signal) {
  struct sigaction action{};
  sigaction(signal, nullptr, &action);
  return action;
}

int signals_with_a_handler() {
  int n = 0;
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) n += action_of(signal).sa_handler != SIG_DFL;
  return n;
}

// The signal is taken when it is needed and given back by the stop.
void signal_is_given_back() {
  const int before = signals_with_a_handler();
  {
    causeway::runtime runtime(one_processor());
    causeway::spawn([] {}).join();
    if (signals_with_a_handler() != before) _exit(3);
    auto hog = causeway::spawn(spin_here_for_ever);
    causeway::spawn([] {}).join();
    await_report();
    if (signals_with_a_handler() != before + 1) _exit(4);
    enough = true;
    hog.join();
  }
  if (signals_with_a_handler() != before) _exit(5);
}

void host_handler(int) {}

// The host has a handler for the one that we were told to take: it stays, and the report says that it does not know.
void signal_of_the_host_stays() {
  const int mine = SIGRTMIN + 3;
  signal(mine, &host_handler);
  causeway::options options = one_processor();
  options.signal = mine;
  causeway::runtime runtime(options);
  auto hog = causeway::spawn({.name = "spinner"}, spin_here_for_ever);
  causeway::spawn([] {}).join();
  await_report();
  if (action_of(mine).sa_handler != &host_handler) _exit(3);
  enough = true;
  hog.join();
}

// Blocked in the thread that starts: it may be waited for, so it is not chosen.
void blocked_signals_are_left_alone() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  causeway::runtime runtime(one_processor());
  auto hog = causeway::spawn({.name = "spinner"}, spin_here_for_ever);
  causeway::spawn([] {}).join();
  await_report();
  if (action_of(SIGRTMIN).sa_handler != SIG_DFL || action_of(SIGRTMIN + 1).sa_handler == SIG_DFL) _exit(3);
  enough = true;
  hog.join();
}

void beyond_the_cap() {
  causeway::options options = one_processor();
  options.max_hogs = 1;
  causeway::runtime runtime(options);
  std::atomic<int> spinning{0};
  std::vector<causeway::task<void>> hogs;
  for (int i = 0; i < 2; ++i)
    hogs.push_back(causeway::spawn([&] {
      ++spinning;
      while (!enough.load(std::memory_order_relaxed)) {}
    }));
  while (spinning != 2) usleep(100);
  auto waiting = causeway::spawn([] {});  // nobody makes room for it before the two end
  await_report();
  enough = true;
  for (auto& hog : hogs) hog.join();
  waiting.join();
}

const std::vector<death::Case> kCases = {
    {"hog_that_stays_away_is_named",
     stays_away,
     {.printed = {"log: green thread ", "\"spinner\" has run for ",
                  "it is in (anonymous namespace)::spin_here_for_ever() (death_test+0x"}}},
    {"hog_that_comes_back_is_named",
     comes_back,
     {.printed = {"log: green thread ", "\"computer\" ran for ",
                  "it came back from (anonymous namespace)::come_back_from_here() (death_test+0x"}}},
    {"hogs_are_reported_once_per_function", comes_back_from_two, {.printed = {"come_back_from_here", "come_back_from_there"}}},
    {"hog_signal_is_given_back", signal_is_given_back, {.printed = {"spin_here_for_ever"}}},
    {"hog_signal_of_the_host_stays", signal_of_the_host_stays, {.printed = {"\"spinner\" has run for ", "where is not known"}}},
    {"hog_signal_that_is_blocked_is_not_taken", blocked_signals_are_left_alone, {.printed = {"spin_here_for_ever"}}},
    {"hogs_beyond_the_cap_are_said", beyond_the_cap, {.printed = {"max_hogs green threads run without a call into the runtime"}}},
};

}  // namespace

const std::vector<death::Case>& death::hog_cases() { return kCases; }
