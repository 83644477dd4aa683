// SPDX-License-Identifier: MIT
//
// Options: ranges, sizes of older programs, words of the environment.
//
// Risk: a value that is silently cut, or a field that is read past the end of an older program's struct.
#include <cstring>
#include <vector>

#include "bridge/capi/options.hpp"
#include "tests/cpp/capi/support.hpp"

namespace {

using namespace capi_test;
using causeway::capi::Complaint;
using causeway::capi::resolve;
using causeway::capi::Resolved;

template <class Change>
void refuses(const char* field, Change change) {
  CAPTURE(field);
  cw_options o = options();
  change(o);
  CHECK(cw_runtime_start(&o) == CW_E_INVALID);
  CHECK_MESSAGE(last_error_has(field), cw_last_error());
  CHECK(cw_options_set_default(&o) == CW_E_INVALID);
  CHECK(cw_runtime_stop(0) == CW_E_STATE);
}

template <class Change>
void accepts(Change change) {
  cw_options o = options();
  change(o);
  const cw_status status = cw_runtime_start(&o);
  CHECK_MESSAGE(status == CW_OK, cw_last_error());
  if (status == CW_OK) CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
}

}  // namespace

TEST_CASE("each field out of range is refused with its name") {
  refuses("processors", [](cw_options& o) { o.processors = 1025; });
  refuses("max_threads", [](cw_options& o) { o.max_threads = 100'001; });
  refuses("stack_size", [](cw_options& o) { o.stack_size = (size_t{1} << 20) + 1; });
  refuses("guard_size", [](cw_options& o) { o.guard_size = SIZE_MAX; });
  refuses("system_stack_size", [](cw_options& o) { o.system_stack_size = 1000; });
  refuses("system_stack_size", [](cw_options& o) { o.system_stack_size = SIZE_MAX; });
  refuses("stack_policy", [](cw_options& o) { o.stack_policy = 2; });
  refuses("stack_policy", [](cw_options& o) { o.stack_policy = -1; });
  refuses("barrier", [](cw_options& o) { o.barrier = 3; });
  refuses("signal", [](cw_options& o) { o.signal = 11; });
  refuses("log_level", [](cw_options& o) { o.log_level = 5; });
  refuses("check", [](cw_options& o) { o.check = "fence,nonsense"; });
  refuses("unknown word \"migrated\"", [](cw_options& o) { o.check = "migrated"; });
  refuses("migrate=always", [](cw_options& o) { o.check = "migrate"; });
  refuses("migrate=always", [](cw_options& o) { o.check = "migrate=never"; });
  refuses("\"poison=1\"", [](cw_options& o) { o.check = "poison=1"; });
  refuses("\"fence=\"", [](cw_options& o) { o.check = "fence="; });
  for (const char* wrong : {"stall", "stall=", "stall=0", "stall=0.0001", "stall=-1", "stall=86401", "stall=1e3",
                            "stall=99999999999999999999", "stall=1.5s", "stall=.5", "stall=86400.1"}) {
    CAPTURE(wrong);
    refuses("stall=<seconds>", [wrong](cw_options& o) { o.check = wrong; });
  }
  refuses("size", [](cw_options& o) { o.size = 0; });
  refuses("size", [](cw_options& o) { o.size = sizeof o + 8; });
}

TEST_CASE("the values at the borders are accepted, and 0 asks for the default") {
  accepts([](cw_options& o) { o.processors = 0; });
  accepts([](cw_options& o) { o.max_threads = 0; });
  accepts([](cw_options& o) { o.stack_size = 0; });
  accepts([](cw_options& o) { o.stack_size = size_t{1} << 20; });
  accepts([](cw_options& o) { o.stack_size = 1; });
  accepts([](cw_options& o) { o.guard_size = 20'000; });
  accepts([](cw_options& o) { o.system_stack_size = 0; });
  accepts([](cw_options& o) { o.system_stack_size = size_t{256} << 10; });
  accepts([](cw_options& o) { o.barrier = CW_BARRIER_FENCE; });
  accepts([](cw_options& o) { o.guard_handler = 0; });
  accepts([](cw_options& o) { o.crash_reports = 1; });
  accepts([](cw_options& o) { o.guard_handler = 0, o.crash_reports = 1; });
  accepts([](cw_options& o) { o.check = "fence,,noguard,nodeadlock,virtual-clock,crash"; });
  accepts([](cw_options& o) { o.check = "noproc,migrate=always,poison"; });
  accepts([](cw_options& o) { o.check = "stall=0.001,stall=86400,stall=1.5,stall=2.,callback=3"; });
  accepts([](cw_options& o) { o.check = nullptr; });
}

TEST_CASE("an older program's shorter struct is read no further than its size") {
  cw_options o = options();
  o.size = offsetof(cw_options, stack_size);  // it knew processors only
  o.stack_size = SIZE_MAX;                    // not its field
  o.log_level = 99;
  CHECK(cw_runtime_start(&o) == CW_OK);
  CHECK(stats().processors == 2);
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
}

TEST_CASE("the defaults of an implicit start can be set and put back, and the text is copied") {
  cw_options o = options();
  o.processors = 3;
  char check[] = "fence";
  o.check = check;
  REQUIRE(cw_options_set_default(&o) == CW_OK);
  std::memset(check, 'x', sizeof check - 1);  // no longer read
  REQUIRE(cw_runtime_start(nullptr) == CW_OK);
  CHECK(stats().processors == 3);
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
  REQUIRE(cw_options_set_default(nullptr) == CW_OK);
  REQUIRE(cw_runtime_start(nullptr) == CW_OK);
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
}

TEST_CASE("without an implicit start a spawn waits for one, and then says so") {
  cw_options o = options();
  o.implicit_start = 0;
  o.start_wait_ns = 1'000'000;
  REQUIRE(cw_options_set_default(&o) == CW_OK);
  CHECK(cw_green_spawn([](void*) {}, nullptr, nullptr, nullptr) == CW_E_NOT_READY);
  CHECK(last_error_has("cw_runtime_start"));
  REQUIRE(cw_options_set_default(nullptr) == CW_OK);
}

TEST_CASE("the environment chooses the processors, and nonsense in it is logged and ignored") {
  {
    const Environment variable("CAUSEWAY_PROCESSORS", "5");
    const Runtime runtime;
    CHECK(stats().processors == 5);
  }
  for (const char* nonsense : {"0", "-3", "five", "2x", "", "99999999999999999999"}) {
    CAPTURE(nonsense);
    const Environment variable("CAUSEWAY_PROCESSORS", nonsense);
    const Environment quiet("CAUSEWAY_LOG", "off");
    const Runtime runtime;
    CHECK(stats().processors == 2);
  }
}

TEST_CASE("an unknown word in CAUSEWAY_CHECK is no reason not to start") {
  std::vector<std::string> lines;
  REQUIRE(cw_log_set([](int, const char* text, size_t n, void* arg) { static_cast<std::vector<std::string>*>(arg)->emplace_back(text, n); },
                     &lines) == CW_OK);
  {
    const Environment variable("CAUSEWAY_CHECK", "fence,whatever");
    const Runtime runtime;
  }
  REQUIRE(cw_log_set(nullptr, nullptr) == CW_OK);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("\"whatever\"") != std::string::npos);
}

TEST_CASE("a check word's value arrives where it is used") {
  cw_options o = options();
  o.check = "stall=1.25,migrate=always,poison,noproc";
  Resolved resolved;
  Complaint complaint;
  REQUIRE(resolve(o, &resolved, &complaint) == CW_OK);
  CHECK(resolved.options.stall_ns == 1'250'000'000);
  CHECK(resolved.options.migrate_always);
  CHECK(resolved.options.poison);
  CHECK(!resolved.options.use_proc);
  o.check = "";
  const Environment variable("CAUSEWAY_CHECK", "stall=3,poison");
  Resolved from_environment;
  REQUIRE(resolve(o, &from_environment, &complaint) == CW_OK);
  CHECK(from_environment.options.stall_ns == 3'000'000'000);
  CHECK(from_environment.options.poison);
  CHECK(!from_environment.options.migrate_always);
  CHECK(from_environment.options.use_proc);
}

TEST_CASE("null where a struct is needed is an error with a text") {
  CHECK(cw_options_init(nullptr) == CW_E_INVALID);
  CHECK(cw_stats_init(nullptr) == CW_E_INVALID);
  CHECK(cw_runtime_stats(nullptr) == CW_E_INVALID);
  CHECK(cw_spawn_options_init(nullptr) == CW_E_INVALID);
  CHECK(cw_green_spawn(nullptr, nullptr, nullptr, nullptr) == CW_E_INVALID);
  CHECK(std::string(cw_last_error()).find("NULL") != std::string::npos);
}
