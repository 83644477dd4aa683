// SPDX-License-Identifier: MIT
//
// Rows SN of the acceptance list that no other test has: memory and words that wander between green threads and C code.
//
// Risk: a sanitizer that does not know of a switch, a crossing or a hand-over reports a race, or memory that is not its own, where there is
// none. So these pass everywhere, and prove something in the sanitizers' builds.
#include <cstring>
#include <memory>
#include <vector>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::spawn;

int word_of_c = 0;
void set_word(int value) { word_of_c = value; }
int get_word() { return word_of_c; }

int add(int a, int b) { return a + b; }
int answer() { return 42; }

void fill(char* buffer, size_t size, int with) { std::memset(buffer, with, size); }

}  // namespace

TEST_CASE("tsan: a word of C is set and read by two green threads in turn, each locked to its thread") {
  Runtime runtime(2);
  causeway::channel<int> there(0), back(0);
  const int rounds = few() ? 100 : 2'000;
  auto one = spawn([&] {
    const causeway::thread_affinity keep;
    for (int i = 0; i < rounds; ++i) {
      causeway::call(set_word, i);
      there.send(i);
      static_cast<void>(back.receive());
      if (causeway::call(get_word) != i + 1) return false;
    }
    return true;
  });
  auto two = spawn([&] {
    const causeway::thread_affinity keep;
    for (int i = 0; i < rounds; ++i) {
      static_cast<void>(there.receive());
      if (causeway::call(get_word) != i) return false;
      causeway::call(set_word, i + 1);
      back.send(i);
    }
    return true;
  });
  CHECK(one.join());
  CHECK(two.join());
}

TEST_CASE("tsan3: thousands of green threads call C with and without arguments, over the same piece of a C stack") {
  Runtime runtime(2);
  const int greens = few() ? 500 : 20'000;
  std::atomic<int> right{0};
  causeway::wait_group all;
  all.add(greens);
  for (int i = 0; i < greens; ++i)
    causeway::go([&, i] {
      const bool good = causeway::call(add, i, 1) == i + 1 && causeway::call(answer) == 42;
      right += good;
      all.done();
    });
  all.wait();
  CHECK(right == greens);
}

TEST_CASE("tsan4: what malloc gave a green thread is freed after it may have moved") {
  Runtime runtime(2);
  std::vector<causeway::task<bool>> tasks;
  for (int t = 0; t < 8; ++t)
    tasks.push_back(spawn([t] {
      for (int i = 0; i < (few() ? 50 : 1'000); ++i) {
        const std::unique_ptr<char[]> mine(new char[64]);
        std::memset(mine.get(), t, 64);
        causeway::this_green::yield();
        const std::unique_ptr<char[]> of_c(causeway::call([] { return new char[64]; }));
        for (int at = 0; at < 64; ++at)
          if (mine[static_cast<size_t>(at)] != t) return false;
      }
      return true;
    }));
  for (auto& task : tasks) CHECK(task.join());
}

TEST_CASE("tsan6: buffers travel over a channel, and C writes to them under a mutex") {
  Runtime runtime(2);
  constexpr size_t kBytes = 4096;
  const int rounds = few() ? 50 : 1'000;
  causeway::channel<std::unique_ptr<char[]>> buffers(2);
  causeway::mutex mutex;
  std::vector<char> shared(kBytes);
  auto sender = spawn([&] {
    for (int i = 0; i < rounds; ++i) {
      std::unique_ptr<char[]> buffer(new char[kBytes]);
      causeway::call(fill, buffer.get(), kBytes, i & 0x7f);
      buffers.send(std::move(buffer));
    }
    buffers.close();
  });
  std::vector<causeway::task<int>> receivers;
  for (int r = 0; r < 2; ++r)
    receivers.push_back(spawn([&] {
      int taken = 0;
      while (auto buffer = buffers.receive()) {
        const std::lock_guard hold(mutex);
        causeway::call([&] { std::memcpy(shared.data(), buffer->get(), kBytes); });
        taken += shared.front() == shared.back();
      }
      return taken;
    }));
  sender.join();
  int taken = 0;
  for (auto& receiver : receivers) taken += receiver.join();
  CHECK(taken == rounds);
}

TEST_CASE("tsan14: calls in from short threads with stacks of 256 KiB, whose places others take over") {
  Runtime runtime(2);
  std::atomic<int> calls{0};
  const int rounds = few() ? 20 : 200;
  for (int i = 0; i < rounds; ++i) {
    std::vector<std::unique_ptr<HostThread>> threads;
    for (int t = 0; t < 3; ++t)
      threads.push_back(std::make_unique<HostThread>(
          [&] {
            static_cast<void>(enter([&] {
              causeway::this_green::yield();
              ++calls;
            }));
          },
          256 * 1024));
  }
  CHECK(calls == 3 * rounds);
}
