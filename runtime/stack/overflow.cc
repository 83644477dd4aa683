// SPDX-License-Identifier: MIT
//
// The words of the report. All of it runs in a signal handler.
#include "runtime/stack/overflow.hpp"

#include "runtime/stack/handover.hpp"

namespace causeway::stack {
namespace {

constexpr std::string_view kAdvice = "; raise spawn_options.stack_size or move work out of large local arrays";

void append_stack(const GuardHit& hit, OverflowText& text) noexcept {
  text.append("stack of ").append_dec(hit.stack.bytes() >> 10).append(" KiB [0x").append_hex(reinterpret_cast<uintptr_t>(hit.stack.low));
  text.append(", 0x").append_hex(reinterpret_cast<uintptr_t>(hit.stack.high)).append(")");
}

}  // namespace

GuardHit lookup_guard(const Pool& pool, uintptr_t address) noexcept {
  const Lookup found = pool.lookup(address);
  GuardHit hit;
  if (!found.found || !found.is_guard) return hit;
  hit.hit = true;
  hit.address = address;
  hit.stack_class = found.stack_class;
  hit.stack = found.stack;
  hit.guard_low = reinterpret_cast<uintptr_t>(found.stack.low) - pool.guard_bytes();
  return hit;
}

void describe_guard_hit(const GuardHit& hit, DescribeOwner owner, OverflowText& text) noexcept {
  OwnerText name;
  if (owner != nullptr) owner(hit, name);
  text.append("green thread ").append(name.size() > 0 ? name.view() : "(unknown)");
  const bool ran_down = hit.sp == 0 || (hit.sp >= hit.guard_low && hit.sp <= reinterpret_cast<uintptr_t>(hit.stack.high));
  if (ran_down) {
    text.append(": its ");
    append_stack(hit, text);
    text.append(" is used up");
    if (hit.sp != 0) text.append(" at sp=0x").append_hex(hit.sp);
    text.append(", fault at 0x").append_hex(hit.address).append(kAdvice);
    return;
  }
  // The stack pointer is elsewhere: code without stack-clash probes has jumped over the guard, or a pointer is wild.
  text.append(": the guard below its ");
  append_stack(hit, text);
  text.append(" was touched at 0x").append_hex(hit.address).append(" by code with sp=0x").append_hex(hit.sp);
  text.append(
      " outside that stack: a large local array has jumped over the guard (build with -fstack-clash-protection), or a pointer is wild");
}

void report_written_guard(const SlabTable& slabs, std::byte* low) noexcept {
  GuardHit hit;
  const Lookup found = slabs.lookup(reinterpret_cast<uintptr_t>(low));
  hit.stack = found.stack;
  OverflowText text;
  text.append("the ended green thread ran below its ");
  append_stack(hit, text);
  text.append(", where this kernel gave no guard: found when the stack came back").append(kAdvice);
  base::fatal(base::FatalId::StackOverflow, text.view());
}

}  // namespace causeway::stack
