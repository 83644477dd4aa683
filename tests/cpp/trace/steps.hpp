// SPDX-License-Identifier: MIT
//
// A walk as a test wants to compare it: the names of its own functions, and the crossings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/trace/across.hpp"
#include "runtime/trace/symbols.hpp"
#include "tests/cpp/inbound/support.hpp"

// C code of a host: no frame pointers, frames of several sizes (host_code.c). Each calls `then` and does something afterwards.
extern "C" {
int host_outer(void (*then)(void*), void* arg);
int host_middle(void (*then)(void*), void* arg);
int host_inner(void (*then)(void*), void* arg);
}

namespace trace_test {

using namespace crossing_test;
using causeway::trace::Cursor;
using causeway::trace::Step;
using causeway::trace::Steps;

struct List : Steps {
  Step storage[256];
  List() {
    at = storage;
    room = 256;
  }
  List(const List&) = delete;
};

// `managed f`, `C g`, `> call out of g`, `< call in 7`, `?`; frames of functions whose name is not known are left out.
inline std::vector<std::string> lines_of(const Steps& steps) {
  std::vector<std::string> lines;
  for (uint32_t i = 0; i < steps.n; ++i) {
    const Step& step = steps.at[i];
    const char* code = step.code == Step::C ? "C " : "managed ";
    switch (step.kind) {
      case Step::Frame: {
        const std::string name = causeway::trace::symbol_of(step.exact ? step.value : step.value - 1).name;
        if (!name.empty()) lines.push_back(code + name);
        break;
      }
      case Step::CallOut: lines.push_back("> call out"); break;
      case Step::CallIn: lines.push_back("< call in " + std::to_string(step.value)); break;
      case Step::Unknown: lines.push_back("?"); break;
    }
  }
  return lines;
}

// Names as the demangler prints them have no "static", but the anonymous namespace.
inline std::vector<std::string> plain(std::vector<std::string> lines) {
  const std::string hidden = "(anonymous namespace)::";
  for (std::string& line : lines)
    for (size_t at; (at = line.find(hidden)) != std::string::npos;) line.erase(at, hidden.size());
  return lines;
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

// Each of `wanted` is the begin of a line, in this order, whatever stands between.
inline bool in_order(const std::vector<std::string>& lines, const std::vector<std::string>& wanted) {
  size_t at = 0;
  for (const std::string& line : lines)
    if (at < wanted.size() && line.starts_with(wanted[at])) ++at;
  return at == wanted.size();
}

inline int count_of(const std::vector<std::string>& lines, std::string_view begin) {
  int n = 0;
  for (const std::string& line : lines) n += line.starts_with(begin);
  return n;
}

}  // namespace trace_test
