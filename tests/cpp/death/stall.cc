// SPDX-License-Identifier: MIT
//
// CAUSEWAY_CHECK=stall=<seconds>: a wait that lasts longer is reported, once, with who waits for what, where, and who holds it.
//
// Risk: no report while all sleep, since then the monitor sleeps too; or one for each look. 50 ms: a few of the monitor's ticks. A case
// ends by itself when its reports are there; nothing depends on how late they come.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

std::atomic<int> first{0}, second{0}, callbacks{0}, others{0}, long_calls{0}, waits_in_vain{0};

void log_to_stderr(int, const char* text, size_t size, void*) {
  std::fprintf(stderr, "log: %.*s\n", static_cast<int>(size), text);
  const std::string line(text, size);
  if (line.find("has lasted for") != std::string::npos) ++long_calls;
  if (line.find("takes_it_again()") != std::string::npos) ++waits_in_vain;
  if (line.find("has waited for") == std::string::npos) return;
  if (line.find("\"first\"") != std::string::npos) ++first;
  else if (line.find("\"second\"") != std::string::npos) ++second;
  else if (line.find("/callback\"") != std::string::npos) ++callbacks;
  else ++others;
}

causeway::options stall_options(const char* check = "stall=0.05") {
  cw_log_set(&log_to_stderr, nullptr);
  causeway::options options;
  options.processors = 2;
  options.check = check;
  return options;
}

// Until it was reported; the runner's limit ends a case in which that never happens.
void await(const std::atomic<int>& reports) {
  while (reports == 0) usleep(1000);
}

[[gnu::noinline]] void wait_in_here(causeway::event& event) {
  event.wait();
  std::atomic_signal_fence(std::memory_order_seq_cst);  // not a tail call
}

void of_a_green_thread() {
  causeway::runtime runtime(stall_options());
  causeway::event event;
  auto waiter = causeway::spawn({.name = "first"}, [&] { wait_in_here(event); });
  await(first);
  event.set();
  waiter.join();
}

void each_wait_once() {
  causeway::runtime runtime(stall_options());
  causeway::event event;
  auto waiter = causeway::spawn({.name = "first"}, [&] { wait_in_here(event); });
  await(first);
  // Another whole limit passes until this one is reported, and the first is looked at again all the time.
  causeway::event other;
  auto later = causeway::spawn({.name = "second"}, [&] { wait_in_here(other); });
  await(second);
  if (first != 1) _exit(3);
  event.set();
  other.set();
  waiter.join();
  later.join();
}

void names_the_holder() {
  causeway::runtime runtime(stall_options());
  causeway::mutex mutex;
  causeway::event locked, over;
  auto holder = causeway::spawn({.name = "owner"}, [&] {
    const std::lock_guard guard(mutex);
    locked.set();
    over.wait();
  });
  locked.wait();
  auto waiter = causeway::spawn({.name = "first"}, [&] { const std::lock_guard guard(mutex); });
  await(first);
  over.set();
  waiter.join();
  holder.join();
}

void names_who_is_joined() {
  causeway::runtime runtime(stall_options());
  causeway::event event;
  auto joined = causeway::spawn({.name = "second"}, [&] { wait_in_here(event); });
  auto waiter = causeway::spawn({.name = "first"}, [&] { joined.join(); });
  await(first);
  event.set();
  waiter.join();
}

void calls_in(void* event) {
  cw_enter([](void* e) { wait_in_here(*static_cast<causeway::event*>(e)); }, event);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void calls_out(causeway::event& event) {
  cw_call(CW_QUICK, &calls_in, &event);
  asm volatile("" ::: "memory");
}

// A callback of C that a green thread called: its stack goes on over both crossings.
void of_a_callback() {
  causeway::runtime runtime(stall_options());
  causeway::event event;
  auto caller = causeway::spawn({.name = "first"}, [&] { calls_out(event); });
  await(callbacks);
  event.set();
  caller.join();
}

void of_a_plain_thread() {
  causeway::runtime runtime(stall_options());
  causeway::event event;
  std::thread waiter([&] { wait_in_here(event); });
  await(others);
  event.set();
  waiter.join();
}

// --- a callback takes a lock that its C caller holds: never ends, so the case leaves ----------------------------------------------------

struct Held {
  causeway::mutex mutex;
  pthread_mutex_t c_mutex = PTHREAD_MUTEX_INITIALIZER;
};
Held held;

[[gnu::noinline]] void takes_it_again() {
  const std::lock_guard guard(held.mutex);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // not a tail call
}
[[gnu::noinline]] void holds_it() {
  held.mutex.lock();
  causeway::entry<&takes_it_again>();
  held.mutex.unlock();
}
[[gnu::noinline]] void takes_the_c_lock_again() {
  causeway::call(pthread_mutex_lock, &held.c_mutex);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
[[gnu::noinline]] void holds_the_c_lock() {
  pthread_mutex_lock(&held.c_mutex);
  causeway::entry<&takes_the_c_lock_again>();
  pthread_mutex_unlock(&held.c_mutex);
}

template <void (*kHolds)()>
void below_a_green_thread(const char* check, const std::atomic<int>& reports) {
  causeway::runtime runtime(stall_options(check));
  causeway::go({.name = "first"}, [] {
    causeway::call(kHolds);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  });
  await(reports);
  _exit(0);
}
void of_a_lock_of_the_c_caller() { below_a_green_thread<holds_it>("stall=0.05", waits_in_vain); }
void of_a_c_lock_of_the_c_caller() { below_a_green_thread<holds_the_c_lock>("callback=0.05", long_calls); }
void of_a_lock_of_the_host() {
  causeway::runtime runtime(stall_options());
  std::thread(holds_it).detach();
  await(waits_in_vain);
  _exit(0);
}

void not_without_the_word() {
  causeway::runtime runtime(stall_options(""));
  causeway::event event;
  auto waiter = causeway::spawn({.name = "first"}, [&] { wait_in_here(event); });
  usleep(500'000);  // ten times the limit of the other cases
  event.set();
  waiter.join();
}

// Many short waits of one green thread: each is a new one, however long they last together.
void not_of_short_waits() {
  causeway::runtime runtime(stall_options("stall=5"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(7);
  causeway::spawn([&] {
    while (std::chrono::steady_clock::now() < end) causeway::this_green::sleep_for(std::chrono::milliseconds(20));
  }).join();
}

const std::vector<death::Case> kCases = {
    {"stall_of_a_green_thread",
     of_a_green_thread,
     {.printed = {"\"first\" has waited for ", " ms: event 0x", "; in (anonymous namespace)::wait_in_here(", "(death_test+0x"}}},
    {"stall_is_reported_once_per_wait", each_wait_once, {.printed = {"\"first\" has waited for ", "\"second\" has waited for "}}},
    {"stall_names_the_holder_of_a_mutex",
     names_the_holder,
     {.printed = {"\"first\" has waited for ", " ms: mutex 0x", ", held by green thread ", "\"owner\""}}},
    {"stall_names_who_is_joined",
     names_who_is_joined,
     {.printed = {"\"first\" has waited for ", " ms: the end of green thread ", "\"second\""}}},
    {"stall_of_a_callback",
     of_a_callback,
     {.printed = {"\"first/callback\" has waited for ", " ms: event 0x", "; in (anonymous namespace)::wait_in_here(",
                  " < [a callback of:] < ", "(anonymous namespace)::calls_in(void*)", " < [C, called by:] < ",
                  "(anonymous namespace)::calls_out("}}},
    {"stall_of_a_callback_on_a_lock_of_its_c_caller",
     of_a_lock_of_the_c_caller,
     {.printed = {"\"first/callback\" has waited for ", " ms: mutex 0x", ", held by C code that green thread ", "\"first\"",
                  "takes_it_again()", " < [a callback of:] < ", "holds_it()"}}},
    {"stall_of_a_callback_on_a_lock_of_the_host",
     of_a_lock_of_the_host,
     {.printed = {" has waited for ", " ms: mutex 0x", ", held by a thread that is none of the runtime's", "takes_it_again()",
                  " < [a callback of:] < ", "holds_it()"}}},
    {"stall_of_a_callback_on_a_c_lock_of_its_c_caller",
     of_a_c_lock_of_the_c_caller,
     {.printed = {"\"first/callback\"", " has lasted for ", " ms; it has called C: ", "pthread_mutex_lock", "takes_the_c_lock_again()",
                  " < [a callback of:] < ", "holds_the_c_lock()"}}},
    {"stall_of_a_plain_thread", of_a_plain_thread, {.printed = {"log: thread ", " has waited for ", " ms: event 0x", "wait_in_here("}}},
    {"no_stall_without_the_word", not_without_the_word, {.not_printed = {"has waited"}}},
    {"no_stall_of_short_waits", not_of_short_waits, {.not_printed = {"time to pass"}}},
};

}  // namespace

const std::vector<death::Case>& death::stall_cases() { return kCases; }
