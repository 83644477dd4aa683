// SPDX-License-Identifier: MIT
//
// Starts and stops.
#include <atomic>

#include "tests/cpp/oom/scenario.hpp"

namespace {

using oom::must;
using oom::need;

constexpr uint64_t kLimitNs = 30'000'000'000;

void start_stop() {
  cw_options options;
  cw_options_init(&options);
  options.processors = 4;
  need(cw_runtime_start(&options));
  must(cw_runtime_start(nullptr) == CW_OK, "a second reference needs nothing");
  must(cw_runtime_stop(kLimitNs) == CW_OK, "a reference is given back");
  must(cw_runtime_stop(kLimitNs) == CW_OK, "the last reference stops the runtime");
}

void start_with_every_option() {
  cw_options options;
  cw_options_init(&options);
  options.processors = 2;
  options.guard_size = 65'536;
  options.stack_size = 262'144;
  options.check = "noguard,poison,fence,stall=60";
  need(cw_runtime_start(&options));
  need(cw_green_spawn([](void*) {}, nullptr, nullptr, nullptr));
  must(cw_runtime_stop(kLimitNs) == CW_OK, "the last reference stops the runtime");
}

void implicit_start() {
  static std::atomic<int> ran;
  ran = 0;
  cw_green green = 0;
  need(cw_green_spawn([](void*) { ++ran; }, nullptr, nullptr, &green));
  must(cw_green_join(green, kLimitNs) == CW_OK, "a green thread that was spawned is joined");
  must(ran == 1, "it ran");
}

void default_options() {
  cw_options options;
  cw_options_init(&options);
  options.processors = 2;
  options.check = "noguard";
  need(cw_options_set_default(&options));
  const cw_status started = cw_runtime_start(nullptr);
  if (cw_options_set_default(nullptr) != CW_OK) oom::wrong("putting the defaults back needs nothing");
  need(started);
}

void stop_with_many_asleep() {
  causeway::runtime runtime;
  for (int i = 0; i < 20; ++i) causeway::go([] { causeway::this_green::sleep_for(std::chrono::hours(1)); });
  must(runtime.stop(std::chrono::seconds(30)) == CW_OK, "the stop ends them");
}

}  // namespace

const std::vector<oom::Scenario>& oom::lifecycle_scenarios() {
  static const std::vector<Scenario> list = {
      {"start-stop", start_stop, Start::ByScenario},
      {"start-with-every-option", start_with_every_option, Start::ByScenario},
      {"implicit-start", implicit_start, Start::ByScenario},
      {"default-options", default_options, Start::ByScenario},
      {"stop-with-many-asleep", stop_with_many_asleep, Start::ByScenario},
  };
  return list;
}
