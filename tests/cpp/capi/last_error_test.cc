// SPDX-License-Identifier: MIT
//
// cw_last_error(): each green thread's own and each thread's own, and a text for every failure.
//
// Risk: the text of the green thread that ran before on the same OS thread.
#include "tests/cpp/capi/support.hpp"

namespace {

using namespace capi_test;

void fails_and_yields(void* arg) {
  auto* good = static_cast<std::atomic<int>*>(arg);
  bool own = std::string(cw_last_error()).empty();
  for (int i = 0; i < 50; ++i) {
    if (cw_green_id() % 2 == 0) cw_green_join(0, 0);
    else cw_thread_unlock();
    cw_green_yield();
    own &= last_error_has(cw_green_id() % 2 == 0 ? "cw_green_join" : "cw_thread_unlock");
  }
  *good += own;
}

}  // namespace

TEST_CASE("each green thread has its own text, kept over yields and migration") {
  const Runtime runtime;
  std::atomic<int> good{0};
  std::vector<cw_green> greens(40);
  for (auto& green : greens) REQUIRE(cw_green_spawn(fails_and_yields, &good, nullptr, &green) == CW_OK);
  for (const auto green : greens) CHECK(cw_green_join(green, kLimitNs) == CW_OK);
  CHECK(good == 40);
}

TEST_CASE("each thread has its own text, and a fresh one has none") {
  CHECK(cw_runtime_stop(0) == CW_E_STATE);
  const std::string mine = cw_last_error();
  CHECK(!mine.empty());
  std::string fresh = "?", other;
  std::thread([&] {
    fresh = cw_last_error();
    cw_green_join(0, 0);
    other = cw_last_error();
  }).join();
  CHECK(fresh.empty());
  CHECK(other.find("cw_green_join") != std::string::npos);
  CHECK(mine == cw_last_error());
}

TEST_CASE("a success leaves the text as it is") {
  const Runtime runtime;
  cw_green_join(0, 0);
  const std::string before = cw_last_error();
  CHECK(cw_green_yield() == CW_OK);
  CHECK(before == cw_last_error());
}

TEST_CASE("a cancelled sleep has a text too") {
  const Runtime runtime;
  static std::string text;
  text = "?";
  cw_green green = 0;
  REQUIRE(cw_green_spawn(
              [](void*) {
                cw_thread_unlock();
                if (cw_green_sleep(CW_FOREVER) == CW_E_CANCELLED) text = cw_last_error();
              },
              nullptr, nullptr, &green) == CW_OK);
  CHECK(cw_green_request_stop(green) == CW_OK);
  CHECK(cw_green_join(green, kLimitNs) == CW_OK);
  CHECK_MESSAGE(text.find("stop") != std::string::npos, text);
}

TEST_CASE("every status has a name and a text") {
#define CHECK_STATUS(status, value, words)               \
  CHECK(std::string(cw_status_name(status)) == #status); \
  CHECK(std::string(cw_status_text(status)) == words);
  CW_STATUS_LIST(CHECK_STATUS)
#undef CHECK_STATUS
  int number = 31;  // one that none has, within what the enum's type holds
  CHECK(std::string(cw_status_name(static_cast<cw_status>(number))) == "CW_E_?");
  CHECK(cw_status_text(static_cast<cw_status>(number)) != nullptr);
}
