// SPDX-License-Identifier: MIT
//
// Posts: from threads, callbacks, C and green threads; their order, their limit, and what becomes of them at a stop.
//
// Risk: a post that is lost or runs twice, above all at the moment when the queue is full or nobody is awake; an order that is turned round;
// a thread for each of many that wait. Posts from signal handlers are in signals_test.cc.
#include <stdexcept>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

TEST_CASE("each post runs once, on a green thread of its own, whoever posts") {
  constexpr int kThreads = 4, kPosts = 500;
  std::atomic<int> ran{0}, twice{0};
  std::vector<std::atomic<int>> times(4 * kThreads * kPosts);
  {
    Runtime runtime(2);
    const auto post_all = [&](size_t from) {
      for (size_t i = from; i < from + kPosts; ++i)
        causeway::post([&times, &ran, &twice, i] {
          CHECK(cw_on_green() == 1);
          causeway::this_green::yield();
          if (times[i].fetch_add(1) != 0) ++twice;
          ++ran;
        });
    };
    std::vector<std::unique_ptr<HostThread>> threads;
    for (size_t i = 0; i < kThreads; ++i)
      threads.push_back(std::make_unique<HostThread>([&, i] {
        const size_t base = 4 * i * kPosts;
        post_all(base);                                                                        // as a plain thread
        CHECK(enter([&] { post_all(base + kPosts); }) == CW_OK);                               // in a callback
        CHECK(enter([&] { causeway::call([&] { post_all(base + 2 * kPosts); }); }) == CW_OK);  // in C below one
        causeway::spawn([&] { post_all(base + 3 * kPosts); }).join();                          // on a worker
      }));
    threads.clear();
    // The fixture's stop runs what is left.
  }
  CHECK(ran == 4 * kThreads * kPosts);
  CHECK(twice == 0);
}

// A post that has begun and is held up by the system before it can say so would be overtaken, if its processor were taken for others then. So a
// spinner has the only place beside the processor.
TEST_CASE("posts of one thread begin in their order") {
  constexpr size_t kRounds = 25, kPosts = 200;
  std::atomic<size_t> next{0};
  std::vector<size_t> begun(kRounds * kPosts);
  causeway::options options;
  options.processors = 1;
  options.max_hogs = 1;
  options.log_level = CW_LOG_ERROR;  // it is worth a warning
  Runtime runtime(options);
  std::atomic<bool> spinning{false}, enough{false};
  auto spinner = causeway::spawn([&] {
    spinning = true;
    while (!enough) {}
  });
  CHECK(eventually([&] { return spinning.load(); }));
  causeway::spawn([] {}).join();  // by the processor that the spinner had
  on_thread([&] {
    for (size_t round = 0; round < kRounds; ++round) {
      for (size_t i = round * kPosts; i < (round + 1) * kPosts; ++i) causeway::post([&, i] { begun[next.fetch_add(1)] = i; });
      CHECK(eventually([&] { return next == (round + 1) * kPosts; }));
    }
  });
  enough = true;
  spinner.join();
  size_t out_of_order = 0;
  for (size_t i = 0; i < begun.size(); ++i) out_of_order += begun[i] != i;
  CHECK(out_of_order == 0);
}

// Nobody can run a post while two spinners keep the only processor and the only place beside it.
class NoProcessor {
 public:
  NoProcessor() {
    for (int i = 0; i < 2; ++i)
      spinners_[i] = causeway::spawn([this] {
        const int place = ++spinning_;
        while (spinning_ >= place) {}
      });
    CHECK(eventually([&] { return spinning_ == 2; }));
  }
  ~NoProcessor() {
    spinning_ = 0;
    for (auto& spinner : spinners_) spinner.join();
  }
  // The second spinner ends. The first keeps the place beside the processor, so that no green thread that the machine lets wait loses it.
  void free_processor() { spinning_ = 1; }
  static causeway::options options(uint32_t post_capacity) {
    causeway::options options;
    options.processors = 1;
    options.max_hogs = 1;
    options.post_capacity = post_capacity;
    options.log_level = CW_LOG_ERROR;  // the second spinner is worth a warning
    return options;
  }

 private:
  std::atomic<int> spinning_{0};
  causeway::task<void> spinners_[2];
};

// More than a processor's ring holds, so that some have to wait elsewhere; in the check mode its loop looks for posts after each green thread.
TEST_CASE("posts of one thread begin in their order, however many of them wait") {
  const size_t kPosts = few() ? 5'000 : 50'000;
  for (const char* check : {"", "migrate=always"}) {
    causeway::options options = NoProcessor::options(65'536);
    options.check = check;
    std::atomic<size_t> next{0};
    std::vector<size_t> begun(kPosts);
    {
      Runtime runtime(options);
      NoProcessor none;
      for (size_t i = 0; i < kPosts; ++i) causeway::post([&, i] { begun[next.fetch_add(1)] = i; });
      CHECK(next == 0);
      none.free_processor();
      CHECK(eventually([&] { return next == kPosts; }));
    }
    size_t out_of_order = 0;
    for (size_t i = 0; i < kPosts; ++i) out_of_order += begun[i] != i;
    CHECK(out_of_order == 0);
  }
}

TEST_CASE("beyond post_capacity a post is CW_E_FULL, counted, and all that were taken run") {
  constexpr int kCapacity = 64;
  std::atomic<int> ran{0};
  const auto count = [](void* arg) { ++*static_cast<std::atomic<int>*>(arg); };
  int taken = 0, refused = 0;
  uint64_t dropped = 0;
  {
    Runtime runtime(NoProcessor::options(kCapacity));
    {
      const NoProcessor none;
      CHECK(cw_green_spawn(nullptr, nullptr, nullptr, nullptr) == CW_E_INVALID);
      const std::string text = cw_last_error();
      for (int i = 0; i < 4 * kCapacity; ++i) {
        const cw_status status = cw_post(count, &ran);
        CHECK((status == CW_OK || status == CW_E_FULL));
        (status == CW_OK ? taken : refused) += 1;
        if (refused != 0) CHECK(status == CW_E_FULL);  // once it is full, it is
      }
      CHECK(cw_last_error() == text);  // the caller may be a signal handler
      CHECK(taken >= kCapacity);
      CHECK(taken < 4 * kCapacity);
      CHECK(ran == 0);
      CHECK(status_of([] { causeway::post([] {}); }) == CW_E_FULL);
      ++refused;
    }
    CHECK(eventually([&] { return ran == taken; }));
    CHECK(cw_post(count, &ran) == CW_OK);
    ++taken;
    dropped = stats().posts_dropped;
  }
  CHECK(ran == taken);
  CHECK(dropped == static_cast<uint64_t>(refused));
}

TEST_CASE("a closure that post() could not hand over is destroyed, and one that ran too") {
  struct Counted {
    explicit Counted(int* n) : alive(n) { ++*alive; }
    Counted(const Counted& other) : alive(other.alive) { ++*alive; }
    ~Counted() { --*alive; }
    int* alive;
  };
  int alive = 0;
  {
    Runtime runtime(NoProcessor::options(16));
    const NoProcessor none;
    for (int i = 0; i < 100; ++i)
      static_cast<void>(status_of([&] { causeway::post([counted = Counted(&alive)] { CHECK(*counted.alive > 0); }); }));
    CHECK(alive > 0);
  }
  CHECK(alive == 0);
}

TEST_CASE("a post's exception goes to the error handler, and nothing else is disturbed") {
  static std::atomic<int> told{0};
  static std::string text;
  REQUIRE(cw_error_handler_set(
              [](cw_status status, const char*, const char* what, void*) {
                CHECK(status == CW_E_PANIC);
                text = what;
                ++told;
              },
              nullptr) == CW_OK);
  {
    Runtime runtime(2);
    causeway::post([] { throw std::runtime_error("nobody waits for it"); });
    CHECK(eventually([] { return told == 1; }));
    CHECK(text.find("nobody waits for it") != std::string::npos);
    causeway::post([] {});
  }
  CHECK(cw_error_handler_set(nullptr, nullptr) == CW_OK);
}

// Small stacks: what each of them keeps is a few KiB.
TEST_CASE("a hundred thousand green threads made by posts are parked at once, with no thread for each") {
  const int posts = few() ? 5'000 : 100'000;
  causeway::options options;
  options.processors = 2;
  options.stack_size = 16 * 1024;
  std::atomic<int> parked{0}, over{0};
  causeway::event open(causeway::manual_reset);
  {
    Runtime runtime(options);
    on_thread([&] {
      for (int i = 0; i < posts;) {
        const cw_status status = status_of([&] {
          causeway::post([&] {
            ++parked;
            open.wait();
            ++over;
          });
        });
        if (status == CW_OK) ++i;
        else CHECK(status == CW_E_FULL);
        if (status != CW_OK) std::this_thread::yield();
      }
    });
    CHECK(eventually([&] { return parked == posts; }));
    CHECK(eventually([&] { return stats().greens_parked == static_cast<uint64_t>(posts); }));
    CHECK(count_entries("task") < 64);
    CHECK(stats().workers < 32);
    open.set();
    CHECK(eventually([&] { return over == posts; }));
  }
}

}  // namespace
