// SPDX-License-Identifier: MIT
//
// Guards the risk that a sanitizer is blind on green stacks, or cries wolf there. Each case is a planted fault, or its mended twin; run.sh
// starts them in a sanitizer build and looks for the report.
//
//   overflow   writes one byte behind a local array, deep in a green thread that has been switched away from before
//   race       two green threads on two processors add to one plain word
//   mutex      the same, with a causeway::mutex around it
#include <causeway/causeway.hpp>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

// volatile: the compiler must not see that the index is out of bounds.
volatile int planted_index = 16;

[[gnu::noinline]] int overflow_here() {
  char array[16];
  std::memset(array, 1, sizeof array);
  array[planted_index] = 2;
  return array[3];
}

int overflow() {
  return causeway::spawn([] {
           causeway::this_green::yield();
           causeway::this_green::sleep_for(std::chrono::milliseconds(1));
           return overflow_here();
         })
      .join();
}

long shared_word;

[[gnu::noinline]] void add_here() { shared_word = shared_word + 1; }

// Both at once, on two OS threads: a switch from one to the other on one OS thread would order them. relaxed: orders nothing by itself.
std::atomic<int> started{0};

int add_from_two(causeway::mutex* mutex) {
  const auto body = [mutex] {
    started.fetch_add(1, std::memory_order_relaxed);
    while (started.load(std::memory_order_relaxed) < 2) {}
    for (int i = 0; i < 2000; ++i) {
      if (mutex != nullptr) mutex->lock();
      add_here();
      if (mutex != nullptr) mutex->unlock();
    }
  };
  auto one = causeway::spawn(body);
  auto other = causeway::spawn(body);
  one.join();
  other.join();
  std::printf("sum %ld\n", shared_word);
  return mutex != nullptr && shared_word != 4000;
}

}  // namespace

int main(int argc, char** argv) {
  causeway::options options;
  options.processors = 2;
  const causeway::runtime runtime(options);
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "overflow") return overflow() == 1 ? 0 : 2;
  if (name == "race") return add_from_two(nullptr);
  causeway::mutex mutex;
  if (name == "mutex") return add_from_two(&mutex);
  std::fputs("usage: planted overflow|race|mutex\n", stderr);
  return 2;
}
