// SPDX-License-Identifier: MIT
//
// Reading words of a stack without ever faulting. Reachable from signal handlers.
//
//   INV-MEM1  Inside the range that the caller proves a word is read as it is. Elsewhere the kernel is asked first: once a page, or, for memory that
//             may go away at any time, for each word.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"

#if CW_TSAN
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);
#endif

namespace causeway::trace {

class Memory {
 public:
  // Shy: nothing is proven, the kernel reads every word.
  enum class Trust : uint8_t { Bounds, Shy };
  explicit Memory(Trust trust = Trust::Bounds) noexcept : shy_(trust == Trust::Shy) {}

  // From here on [low, high) is readable, and stays so. One range of each use at a time.
  enum Use : uint8_t { Green, Host };
  void prove(Use use, uintptr_t low, uintptr_t high) noexcept;
  // False: the word cannot be read, or is not aligned.                                                 Signal-safe: yes
  [[gnu::no_sanitize_address, gnu::no_sanitize_thread]] bool word(uintptr_t at, uintptr_t* to) noexcept {
    constexpr uintptr_t kWord = sizeof(uintptr_t);
    if (at % kWord != 0) return false;
    if (at - low_[Green] < bytes_[Green] || at - low_[Host] < bytes_[Host] || at - page_ < page_bytes_) {
      *to = *reinterpret_cast<const volatile uintptr_t*>(at);
      return true;
    }
    return ask(at, to);
  }

 private:
  bool ask(uintptr_t at, uintptr_t* to) noexcept;

  uintptr_t low_[2] = {}, bytes_[2] = {};  // multiples of a word
  uintptr_t page_ = 0, page_bytes_ = 0;    // asked for last
  const bool shy_;
};

// What is read of a green thread that may run on counts only if it did not: the caller's to find out.
class RacyReads {
 public:
  explicit RacyReads([[maybe_unused]] Memory::Trust trust) noexcept {
#if CW_TSAN
    racy_ = trust == Memory::Trust::Shy;
    if (racy_) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
#endif
  }
  ~RacyReads() {
#if CW_TSAN
    if (racy_) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
#endif
  }
  RacyReads(const RacyReads&) = delete;
  RacyReads& operator=(const RacyReads&) = delete;

#if CW_TSAN
 private:
  bool racy_ = false;
#endif
};

}  // namespace causeway::trace
