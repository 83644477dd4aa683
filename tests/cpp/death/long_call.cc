// SPDX-License-Identifier: MIT
//
// CAUSEWAY_CHECK=callback=<seconds>: a callback that does not return is reported, once, with what it does and where; others go on.
//
// Risk: no report while all processors are idle, since then the monitor sleeps too; one for each look; a report of calls that are many, not long.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

std::atomic<int> reports{0};

void log_to_stderr(int, const char* text, size_t size, void*) {
  std::fprintf(stderr, "log: %.*s\n", static_cast<int>(size), text);
  reports += std::string(text, size).find("has lasted for") != std::string::npos;
}

causeway::options watching(const char* check = "callback=0.05") {
  cw_log_set(&log_to_stderr, nullptr);
  causeway::options options;
  options.processors = 2;
  options.check = check;
  return options;
}

int plus_one(int value) { return value + 1; }

// Until it was reported, and others have called in meanwhile; the runner's limit ends a case in which that never happens.
void await_report() {
  for (int calls = 0; reports == 0 || calls < 100; ++calls) {
    if (causeway::entry<&plus_one>(calls) != calls + 1) _exit(3);
    usleep(1000);
  }
  usleep(200'000);  // a second report of the same call would come here: the limit is 50 ms
  if (reports != 1) _exit(4);
}

[[gnu::noinline]] void spin_in_here(const std::atomic<bool>& over) {
  while (!over) {}
  std::atomic_signal_fence(std::memory_order_seq_cst);  // not a tail call
}
[[gnu::noinline]] void wait_in_here(causeway::event& event) {
  event.wait();
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
[[gnu::noinline]] void pause_in_here(const std::atomic<bool>& over) {
  while (!over) usleep(1000);
}
[[gnu::noinline]] void call_from_here(const std::atomic<bool>& over) {
  causeway::call(pause_in_here, over);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void that_runs() {
  causeway::runtime runtime(watching());
  std::atomic<bool> over{false};
  std::thread host([&] { causeway::enter([&] { spin_in_here(over); }); });
  await_report();
  over = true;
  host.join();
}
void that_waits() {
  causeway::runtime runtime(watching());
  causeway::event event;
  std::thread host([&] { causeway::enter([&] { wait_in_here(event); }); });
  await_report();
  event.set();
  host.join();
}
void in_c() {
  causeway::runtime runtime(watching());
  std::atomic<bool> over{false};
  std::thread host([&] { causeway::enter([&] { call_from_here(over); }); });
  await_report();
  over = true;
  host.join();
}
// The outermost call is the one that lasts; those below it come and go.
void below_a_green_thread() {
  causeway::runtime runtime(watching());
  std::atomic<bool> over{false};
  auto green = causeway::spawn({.name = "caller"}, [&] {
    causeway::call([&] {
      causeway::enter([&] {
        while (!over) causeway::call([] { causeway::enter([] { usleep(1000); }); });
      });
    });
  });
  await_report();
  over = true;
  green.join();
}
void of_short_ones() {
  causeway::runtime runtime(watching("callback=5"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(7);
  std::thread host([&] {
    while (std::chrono::steady_clock::now() < end) causeway::enter([] { usleep(20'000); });
  });
  host.join();
  if (reports != 0) _exit(4);
}

// An emulator keeps the signal and the state of its threads to itself.
bool has_the_place(const std::string& text, std::string* complaint) {
  if (std::getenv("CAUSEWAY_EXE_WRAPPER") == nullptr && text.find("spin_in_here(") == std::string::npos)
    *complaint = "the place is missing";
  return complaint->empty();
}

const std::vector<death::Case> kCases = {
    {"long_call_that_runs",
     that_runs,
     {.printed = {"the call in of green thread ", " on thread ", " has lasted for ", " ms; it runs"}, .judge = has_the_place}},
    {"long_call_that_waits", that_waits, {.printed = {"the call in of green thread ", " ms; it waits: event 0x", "wait_in_here("}}},
    {"long_call_in_c", in_c, {.printed = {"the call in of green thread ", " ms; it has called C: ", "pause_in_here(", "call_from_here("}}},
    {"long_call_below_a_green_thread",
     below_a_green_thread,
     {.printed = {"the call in of green thread ", "\"caller/callback\"", " has lasted for "}}},
    {"no_long_call_of_short_ones", of_short_ones, {.not_printed = {"has lasted"}}},
};

}  // namespace

const std::vector<death::Case>& death::long_call_cases() { return kCases; }
