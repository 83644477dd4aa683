// SPDX-License-Identifier: MIT
//
// What the cases of crash reports share: functions to crash in, whose names the page has to have, and what a whole page is.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace death {

inline causeway::options reporting() {
  causeway::options options;
  options.crash_reports = true;
  return options;
}

inline void say(const char* text) {
  if (write(2, text, strlen(text)) < 0) _exit(90);
}

inline void* page() { return mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

// Memory that raises SIGBUS.
inline void* empty_file() { return mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd_create("crash", 0), 0); }

// crash.cc. crash_outer calls crash_middle, that calls crash_here, and that writes to crash_address: null, unless a case says otherwise.
extern "C" {
extern int* volatile crash_address;
void crash_here();
void crash_outer();
void crash_aborts();
int crash_divides();
}

inline constexpr const char* kPageEnd = "causeway: crash: end of the report";

inline bool one_page(const std::string& text, std::string* complaint) {
  size_t pages = 0;
  for (size_t at = text.find("causeway: crash: SIG"); at != std::string::npos; at = text.find("causeway: crash: SIG", at + 1)) ++pages;
  if (pages != 1) *complaint = std::to_string(pages) + " pages";
  return pages == 1;
}

// The whole page, ended by `signal`.
inline Expected page_with(int signal, std::vector<std::string> printed) {
  printed.emplace_back(kPageEnd);
  return {.signal = signal, .printed = std::move(printed), .judge = one_page};
}

}  // namespace death
