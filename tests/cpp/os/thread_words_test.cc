// SPDX-License-Identifier: MIT
//
// Guards: words that two threads share, or that a thread does not start with at zero.
#include "runtime/os/thread_words.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "runtime/os/os.hpp"

using namespace causeway;

TEST_CASE("each thread has its own two words, zero at first") {
  void* const m_before = os::this_m();
  const uintptr_t note_before = os::thread_note();
  int mine = 0;
  os::set_this_m(&mine);
  os::set_thread_note(17);
  std::thread([&] {
    CHECK(os::this_m() == nullptr);
    CHECK(os::thread_note() == os::note::kUnbound);
    int theirs = 0;
    os::set_this_m(&theirs);
    os::set_thread_note(18);
    CHECK(os::this_m() == &theirs);
    CHECK(os::thread_note() == 18);
  }).join();
  CHECK(os::this_m() == &mine);
  CHECK(os::thread_note() == 17);
  os::set_this_m(m_before);
  os::set_thread_note(note_before);
}
