// SPDX-License-Identifier: MIT
//
// Counters, the log function and the handler of uncaught exceptions.
//
// Risk: counters that drift (every number is compared with what the test did), and a log function called after it was taken back.
#include <signal.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "causeway/causeway.hpp"
#include "runtime/os/os.hpp"
#include "tests/cpp/capi/support.hpp"

namespace {

using namespace capi_test;

#if !CW_ASAN && !CW_TSAN
constexpr int kCrashSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};

std::vector<void (*)(int)> dispositions() {
  std::vector<void (*)(int)> all;
  for (const int number : kCrashSignals) {
    struct sigaction action{};
    sigaction(number, nullptr, &action);
    all.push_back(action.sa_handler);
  }
  return all;
}
#endif

}  // namespace

TEST_CASE("the counters follow what happens") {
  const Runtime runtime;
  const cw_stats before = stats();
  CHECK(before.processors == 2);
  CHECK(before.greens == 0);
  cw_event event = 0;
  REQUIRE(cw_event_create(&event) == CW_OK);
  std::vector<cw_green> greens(10);
  for (auto& green : greens)
    REQUIRE(cw_green_spawn([](void* arg) { cw_event_wait(*static_cast<cw_event*>(arg), CW_FOREVER); }, &event, nullptr, &green) == CW_OK);
  CHECK(eventually([] { return stats().greens_parked == 10; }));
  const cw_stats during = stats();
  CHECK(during.greens == 10);
  CHECK(during.spawned == before.spawned + 10);
  CHECK(during.handles_live == before.handles_live + 11);
  CHECK(during.workers >= 1);
  CHECK(during.stack_bytes >= 10 * 64 * 1024);
  // Several sets before a wait are one: set until all have gone.
  CHECK(eventually([&] { return cw_event_set(event) == CW_OK && stats().greens == 0; }));
  for (const auto green : greens) CHECK(cw_green_join(green, kLimitNs) == CW_OK);
  CHECK(cw_event_close(event) == CW_OK);
}

TEST_CASE("a shorter struct of counters is filled no further than its size") {
  cw_stats s;
  std::memset(&s, 0x5a, sizeof s);
  s.size = offsetof(cw_stats, workers);
  REQUIRE(cw_runtime_stats(&s) == CW_OK);
  CHECK(s.size == offsetof(cw_stats, workers));
  CHECK(s.workers == 0x5a5a5a5a5a5a5a5aULL);
  s.size = 0;
  CHECK(cw_runtime_stats(&s) == CW_E_INVALID);
  s.size = sizeof s + 1;
  CHECK(cw_runtime_stats(&s) == CW_E_INVALID);
}

TEST_CASE("after a stop the events that were counted can still be read") {
  cw_options o = options();
  REQUIRE(cw_runtime_start(&o) == CW_OK);
  cw_green green = 0;
  for (int i = 0; i < 7; ++i) {
    REQUIRE(cw_green_spawn([](void*) {}, nullptr, nullptr, &green) == CW_OK);
    REQUIRE(cw_green_join(green, kLimitNs) == CW_OK);
  }
  REQUIRE(cw_runtime_stop(kLimitNs) == CW_OK);
  CHECK(stats().spawned == 7);
  CHECK(stats().greens == 0);
  CHECK(stats().workers == 0);
}

TEST_CASE("log lines go to the function, at its level, without a newline, and nowhere after it is taken back") {
  struct Lines {
    std::vector<std::string> texts;
    std::vector<int> levels;
  } lines;
  const auto collect = [](int level, const char* text, size_t n, void* arg) {
    auto* l = static_cast<Lines*>(arg);
    l->texts.emplace_back(text, n);
    l->levels.push_back(level);
  };
  REQUIRE(cw_log_set(collect, &lines) == CW_OK);
  {
    const Environment variable("CAUSEWAY_PROCESSORS", "many");
    { const Runtime runtime; }
    REQUIRE(lines.texts.size() == 1);
    CHECK(lines.levels[0] == CW_LOG_WARN);
    CHECK(lines.texts[0].find("CAUSEWAY_PROCESSORS") != std::string::npos);
    CHECK(lines.texts[0].find('\n') == std::string::npos);
    {
      cw_options quiet = options();
      quiet.log_level = CW_LOG_ERROR;
      const Runtime runtime(quiet);
    }
    CHECK(lines.texts.size() == 1);
    const Environment level("CAUSEWAY_LOG", "off");
    { const Runtime runtime; }
    CHECK(lines.texts.size() == 1);
  }
  REQUIRE(cw_log_set(nullptr, nullptr) == CW_OK);
}

TEST_CASE("the error handler is told of an exception in a detached green thread, on that green thread") {
  struct Told {
    std::atomic<int> times{0};
    cw_status status = CW_OK;
    std::string name, text;
    int on_green = 0;
  } told;
  REQUIRE(cw_error_handler_set(
              [](cw_status status, const char* name, const char* text, void* arg) {
                auto* t = static_cast<Told*>(arg);
                t->status = status;
                t->name = name;
                t->text = text;
                t->on_green = cw_on_green();
                ++t->times;
              },
              &told) == CW_OK);
  {
    const Runtime runtime;
    cw_spawn_options with_name;
    REQUIRE(cw_spawn_options_init(&with_name) == CW_OK);
    with_name.name = "thrower";
    REQUIRE(cw_green_spawn([](void*) { throw std::runtime_error("the reason"); }, nullptr, &with_name, nullptr) == CW_OK);
    CHECK(eventually([&] { return told.times == 1; }));
  }
  CHECK(told.status == CW_E_PANIC);
  CHECK(told.name == "thrower");
  CHECK(told.text == "the reason");
  CHECK(told.on_green == 1);
  REQUIRE(cw_error_handler_set(nullptr, nullptr) == CW_OK);
}

TEST_CASE("defaults may be set anew while a start reads them") {
  // Red under AddressSanitizer when the start reads the text of `check` that the next defaults free.
  const Runtime runtime;  // the starts below only count
  cw_options o = options();
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "fence,";
  o.check = words.c_str();
  REQUIRE(cw_options_set_default(&o) == CW_OK);
  std::atomic<bool> over{false};
  std::thread setter([&] {
    while (!over) cw_options_set_default(&o);
  });
  constexpr int kStarts = 300;
  int started = 0;
  for (int i = 0; i < kStarts; ++i) started += cw_runtime_start(nullptr) == CW_OK;
  over = true;
  setter.join();
  CHECK(started == kStarts);
  for (int i = 0; i < started; ++i) CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
  CHECK(cw_options_set_default(nullptr) == CW_OK);
}

TEST_CASE("a green thread may give back a reference, but not the last one") {
  cw_options o = options();
  REQUIRE(cw_runtime_start(&o) == CW_OK);
  cw_green green = 0;
  REQUIRE(cw_green_spawn(
              [](void*) {
                {
                  const causeway::runtime mine;  // its destructor would end the process
                }
                CHECK(cw_runtime_start(nullptr) == CW_OK);
                CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
                CHECK(cw_runtime_stop(kLimitNs) == CW_E_STATE);
              },
              nullptr, nullptr, &green) == CW_OK);
  CHECK(cw_green_join(green, kLimitNs) == CW_OK);
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
}

#if !CW_ASAN && !CW_TSAN  // a sanitizer has handlers of its own
TEST_CASE("crash reports take their signals at the start, all or none, and give them back at the stop") {
  using causeway::os::FaultPoint;
  namespace faults = causeway::os::testing;
  const auto before = dispositions();
  cw_options o = options();
  o.crash_reports = 1;
  for (const bool guards : {true, false}) {
    o.guard_handler = guards;
    {
      const Runtime runtime(o);
      const auto during = dispositions();
      for (size_t i = 0; i < during.size(); ++i) CHECK((during[i] != before[i]));
    }
    CHECK((dispositions() == before));
    unsigned failed = 0;
    for (unsigned nth = 1; nth < 100; ++nth) {
      faults::fail_next(FaultPoint::Sigaction, nth, false, EINVAL);
      const cw_status status = cw_runtime_start(&o);
      faults::clear_faults();
      if (status == CW_OK) break;
      ++failed;
      CHECK(status == CW_E_SYSTEM);
      CHECK((dispositions() == before));
    }
    CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
    CHECK(failed >= std::size(kCrashSignals));
    CHECK((dispositions() == before));
  }
}
#endif
