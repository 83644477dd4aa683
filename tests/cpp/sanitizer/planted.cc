// SPDX-License-Identifier: MIT
//
// Guards the risk that a sanitizer is blind on green stacks, or cries wolf there. Each case is a planted fault, or its mended twin; run.sh
// starts them in a sanitizer build and looks for the report.
//
//   overflow   writes one byte behind a local array, deep in a green thread that has been switched away from before
//   argument   C gives a callback memory that it has freed
//   lent       the same, not freed
//   race       two green threads on two processors add to one plain word
//   mutex      the same, with a causeway::mutex around it
#include <causeway/causeway.hpp>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>

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

[[gnu::noinline]] int read_argument_here(const char* text) {
  causeway::this_green::yield();
  return text[planted_index];
}

// What C allocates, hands to a callback of a thread of its own, and has freed by then, or not.
int argument(bool freed) {
  int read = -1;
  std::thread([&] {
    std::unique_ptr<char[]> given(new char[32]());
    const char* volatile text = given.get();
    if (freed) given.reset();
    read = causeway::entry<&read_argument_here>(text);
  }).join();
  return read;
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
  if (name == "argument" || name == "lent") return argument(name == "argument");
  if (name == "race") return add_from_two(nullptr);
  causeway::mutex mutex;
  if (name == "mutex") return add_from_two(&mutex);
  std::fputs("usage: planted overflow|argument|lent|race|mutex\n", stderr);
  return 2;
}
