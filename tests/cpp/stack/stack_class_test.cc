// SPDX-License-Identifier: MIT
//
// Risk: a request gets a smaller stack than it asked for, or one that is too large is accepted and overflows later.
#include "runtime/stack/stack_class.hpp"

#include <doctest/doctest.h>

using namespace causeway;
using stack::StackClass;

TEST_CASE("the classes are 16, 64, 256 and 1024 KiB") {
  CHECK(stack::class_bytes(StackClass::k16K) == 16 << 10);
  CHECK(stack::class_bytes(StackClass::k64K) == 64 << 10);
  CHECK(stack::class_bytes(StackClass::k256K) == 256 << 10);
  CHECK(stack::class_bytes(StackClass::k1M) == 1 << 20);
}

TEST_CASE("a size gets the smallest class that holds it, and 0 the default") {
  // The edges of each class, one byte to either side.
  CHECK(*stack::class_for(0) == StackClass::k64K);
  CHECK(*stack::class_for(1) == StackClass::k16K);
  for (size_t i = 0; i < stack::kClasses; ++i) {
    const auto stack_class = static_cast<StackClass>(i);
    CHECK(*stack::class_for(stack::class_bytes(stack_class)) == stack_class);
    if (i + 1 < stack::kClasses) CHECK(*stack::class_for(stack::class_bytes(stack_class) + 1) == static_cast<StackClass>(i + 1));
  }
}

TEST_CASE("a size above the largest class is refused and says what to do") {
  for (const size_t bytes : {(size_t{1} << 20) + 1, SIZE_MAX}) {
    const auto result = stack::class_for(bytes);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == CW_E_INVALID);
    CHECK(std::string_view(result.error().text).find("1 MiB") != std::string_view::npos);
  }
}
