// SPDX-License-Identifier: MIT
//
// Tracebacks: without memory they say less, and never fail as a whole once the stacks are copied. Names by symbol tables: elfutils makes thousands of
// requests for each, and its own way out of each of them is not ours to test.
#include <string>

#include "runtime/trace/dwarf.hpp"
#include "tests/cpp/oom/scenario.hpp"

namespace {

using oom::must;
using oom::need;

void of_oneself() {
  causeway::trace::dwarf::forbid();
  std::string text(4096, '\0');
  text.resize(cw_traceback(text.data(), text.size(), CW_TRACE_SELF));
  must(text.starts_with("thread "), "who it is needs no memory");
}

void of_all() {
  causeway::trace::dwarf::forbid();
  causeway::channel<int> channel;
  auto task = causeway::spawn([&] { static_cast<void>(channel.receive()); });
  std::string text(8192, '\0');
  text.resize(cw_traceback(text.data(), text.size(), CW_TRACE_ALL));
  channel.close();
  must(!text.empty(), "that there is no memory is said in the text too");
}

void profile() {
  causeway::trace::dwarf::forbid();
  cw_stack_record records[2];
  size_t count = 0;
  need(cw_green_profile(records, 2, &count));
  must(count <= 1, "nobody waits");
}

}  // namespace

const std::vector<oom::Scenario>& oom::traceback_scenarios() {
  static const std::vector<Scenario> list = {
      {"traceback of oneself", of_oneself},
      {"traceback of all", of_all},
      {"profile of stacks", profile},
  };
  return list;
}
