// SPDX-License-Identifier: MIT
//
// A million green threads: a tree in which each one starts ten children, until there is a leaf for each number below a million.
// A leaf answers its number, the others the sum of their children's answers. Live counters while it runs; the sum is checked.
//
// Every node is a green thread with a stack of its own, so the sum travels by ordinary returns and joins: no callbacks, no states.
#include <causeway/causeway.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::uint64_t kChildren = 10;

// Counted by every green thread, read by the display. Relaxed: they are numbers for people and order nothing.
std::atomic<std::uint64_t> started{0};
std::atomic<std::uint64_t> ended{0};

// The sum of the `size` numbers from `first` on, by a subtree of green threads.
std::uint64_t sum(std::uint64_t first, std::uint64_t size) {
  started.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t total = first;
  if (size > 1) {
    const std::uint64_t children = std::min(kChildren, size);
    std::vector<causeway::task<std::uint64_t>> tasks;
    tasks.reserve(children);
    for (std::uint64_t i = 0; i < children; i++) {
      const std::uint64_t from = size * i / children;
      const std::uint64_t to = size * (i + 1) / children;
      tasks.push_back(causeway::spawn([=] { return sum(first + from, to - from); }));
    }
    total = 0;
    for (auto& task : tasks) total += task.join();
  }
  ended.fetch_add(1, std::memory_order_relaxed);
  return total;
}

// 1234567 as "1 234 567".
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ' ');
  return text;
}

// Shows the counters from an ordinary thread: ten times a second over one line of a terminal, else a line per second.
class Display {
 public:
  Display() : thread_([this] { run(); }) {}
  ~Display() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

 private:
  void run() {
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    const auto period = std::chrono::milliseconds(terminal ? 100 : 1000);
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, period, [this] { return done_; })) show(terminal ? "\r" : "", terminal ? "" : "\n");
    if (terminal) show("\r", "\n");
  }

  static void show(const char* before, const char* after) {
    const std::uint64_t gone = ended.load(std::memory_order_relaxed);  // first, so that it never exceeds the other
    const std::uint64_t all = started.load(std::memory_order_relaxed);
    std::printf("%s%12s started %12s alive %12s done%s", before, grouped(all).c_str(), grouped(all - gone).c_str(), grouped(gone).c_str(),
                after);
    std::fflush(stdout);
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

void usage(std::FILE* out) {
  std::fputs(
      "usage: skynet [--size N]\n\n"
      "Sums the numbers below N (default 1000000) with a tree of green threads, ten children each, and checks the sum.\n"
      "Ends with status 0 if it is right, 1 if it is wrong, 2 if the green threads could not be started.\n",
      out);
}

bool read_size(const char* text, std::uint64_t& size) {
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, size);
  return error == std::errc() && rest == end && size >= 1 && size <= 100'000'000;
}

int run(std::uint64_t size) {
  causeway::runtime rt;
  std::printf("%s leaves, %s workers at most\n", grouped(size).c_str(), grouped(std::thread::hardware_concurrency()).c_str());
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t answer = 0;
  {
    Display display;
    answer = causeway::spawn([size] { return sum(0, size); }).join();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const std::uint64_t wanted = size * (size - 1) / 2;
  const std::uint64_t threads = started.load(std::memory_order_relaxed);
  std::printf("%s green threads in %.2f s, %.0f ns each\n", grouped(threads).c_str(), seconds,
              seconds * 1e9 / static_cast<double>(threads));
  std::printf("sum %s: %s\n", grouped(answer).c_str(), answer == wanted ? "right" : "WRONG");
  if (answer != wanted) std::printf("it should be %s\n", grouped(wanted).c_str());
  return answer == wanted ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t size = 1'000'000;
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    usage(stdout);
    return 0;
  }
  if (argc != 1 && !(argc == 3 && std::strcmp(argv[1], "--size") == 0 && read_size(argv[2], size))) {
    usage(stderr);
    return 2;
  }
  try {
    return run(size);
  } catch (const causeway::error& failure) {
    std::fprintf(stderr, "skynet: %s\n", failure.what());
    return 2;
  }
}
