// SPDX-License-Identifier: MIT
//
// TextBuffer: text put together without an allocation, for reports and names. What does not fit is cut off at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace causeway::base {

// All members: Signal-safe: yes, for a buffer that nobody else uses.
template <size_t N>
class TextBuffer {
 public:
  static_assert(N >= 1, "room for the closing zero");

  TextBuffer() noexcept { text_[0] = '\0'; }

  TextBuffer& append(std::string_view text) noexcept {
    const size_t room = N - 1 - size_;
    const size_t n = text.size() < room ? text.size() : room;
    if (n != 0) std::memcpy(text_ + size_, text.data(), n);
    size_ += n;
    text_[size_] = '\0';
    return *this;
  }

  TextBuffer& append_dec(uint64_t value) noexcept { return append_number(value, 10); }
  // Lower case, without the 0x.
  TextBuffer& append_hex(uint64_t value) noexcept { return append_number(value, 16); }

  std::string_view view() const noexcept { return {text_, size_}; }
  // Always closed by a zero.
  const char* c_str() const noexcept { return text_; }
  size_t size() const noexcept { return size_; }
  void clear() noexcept {
    size_ = 0;
    text_[0] = '\0';
  }

 private:
  TextBuffer& append_number(uint64_t value, unsigned radix) noexcept {
    char digits[20];  // 2^64 has 20 decimal digits
    size_t at = sizeof digits;
    do {
      digits[--at] = "0123456789abcdef"[value % radix];
      value /= radix;
    } while (value != 0);
    return append({digits + at, sizeof digits - at});
  }

  size_t size_ = 0;
  char text_[N];  // [0, size_) is text, text_[size_] is zero
};

}  // namespace causeway::base
