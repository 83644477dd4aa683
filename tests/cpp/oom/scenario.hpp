// SPDX-License-Identifier: MIT
//
// A scenario: a piece of use that must get over the failure of any single request for a resource, and of all of them from any one on.
//
// To add one: write a function in scenarios/<subject>.cc and a line {"name", function} in that file's list (a new file adds its list here
// and in all_scenarios()). The runner does the rest:
//
//   - starts the runtime (unless the line says Start::ByScenario), runs the function with request N failing, stops the runtime;
//   - N = 1, 2, ... once, and again from N on, until no request was left to fail; the same without a failure after each of them;
//   - each time: the stop succeeds, nothing is left over (allocations, mappings, threads, descriptors, handles, green threads).
//
// In the function
//   - an error is a status through need(), or an exception: std::bad_alloc, std::system_error, causeway::error with a status that says
//     that there is no memory or that a limit is reached. All of them just leave the function. Anything else is a failed case.
//   - what must hold on success is said with must().
//   - objects come before the tasks that use them: a task's destructor asks its green thread to stop and waits for it. Never wait for
//     a party that may not have come into being.
#pragma once

#include <vector>

#include "causeway/causeway.hpp"

namespace oom {

enum class Start {
  ByRunner,    // the runtime runs already: three processors
  ByScenario,  // the function starts it, and may leave it running
};

struct Scenario {
  const char* name;
  void (*run)();
  Start start = Start::ByRunner;
};

// Leaves the scenario quietly if the status is one that a shortage may have; any other failure fails the case.
void need(cw_status status);
// A wrong outcome: fails the case with this text.
[[noreturn]] void wrong(const char* text);
inline void must(bool condition, const char* text) {
  if (!condition) wrong(text);
}
// True for a status that a shortage may have.
bool is_shortage(cw_status status) noexcept;

// One list per file of scenarios/.
const std::vector<Scenario>& lifecycle_scenarios();
const std::vector<Scenario>& green_scenarios();
const std::vector<Scenario>& meeting_scenarios();
const std::vector<Scenario>& handle_scenarios();
const std::vector<Scenario>& io_scenarios();
const std::vector<Scenario>& calls_scenarios();
const std::vector<Scenario>& bridge_scenarios();
const std::vector<Scenario>& traceback_scenarios();

std::vector<Scenario> all_scenarios();

}  // namespace oom
