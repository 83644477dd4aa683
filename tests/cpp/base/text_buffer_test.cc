// SPDX-License-Identifier: MIT
//
// Guards: a write past the buffer, and numbers at the ends of their range.
#include "runtime/base/text_buffer.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using causeway::base::TextBuffer;

TEST_CASE("text and numbers are put together, with a closing zero") {
  TextBuffer<64> text;
  CHECK(text.view().empty());
  text.append("sp=0x").append_hex(0xdeadbeefULL).append(" n=").append_dec(0).append(" ").append_dec(1234567890);
  CHECK(text.view() == "sp=0xdeadbeef n=0 1234567890");
  CHECK(std::strlen(text.c_str()) == text.size());
  text.clear();
  CHECK(text.view().empty());
}

TEST_CASE("the ends of 64 bits are written whole") {
  TextBuffer<64> text;
  text.append_dec(UINT64_MAX).append(" ").append_hex(UINT64_MAX).append(" ").append_hex(0);
  CHECK(text.view() == "18446744073709551615 ffffffffffffffff 0");
}

TEST_CASE("what does not fit is cut off, and nothing beside the buffer is touched") {
  struct {
    char before = 'b';
    TextBuffer<8> text;
    char after = 'a';
  } box;
  box.text.append("1234").append("5678").append("9").append_dec(12345);
  CHECK(box.text.view() == "1234567");  // 8 bytes: seven and the zero
  CHECK(box.before == 'b');
  CHECK(box.after == 'a');
  TextBuffer<1> none;
  none.append("x").append(std::string_view{});
  CHECK(none.view().empty());
}
