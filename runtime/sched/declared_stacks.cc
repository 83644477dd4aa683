// SPDX-License-Identifier: MIT
//
// The stacks that the host declared: a sorted array, looked at only when a call comes on a stack that its thread was not seen on.
#include <cstdlib>
#include <cstring>

#include "runtime/sched/host_stacks.hpp"

namespace causeway::sched::declared_stacks {

namespace {

struct Table {
  base::Lock lock{base::LockRank::Stack};
  HostRange* ranges = nullptr;  // by low; guarded by lock, as the next two
  size_t count = 0, room = 0;
};
constinit Table table;
CW_STATIC_LOCK(table.lock);

// The first range that ends above sp.
size_t first_above(uintptr_t sp) noexcept {
  size_t low = 0, high = table.count;
  while (low < high) {
    const size_t mid = (low + high) / 2;
    if (table.ranges[mid].high > sp) high = mid;
    else low = mid + 1;
  }
  return low;
}

void changed() noexcept { detail::generation.fetch_add(1, std::memory_order_release); }

}  // namespace

base::Result<void> declare(uintptr_t low, size_t bytes) noexcept {
  constexpr size_t kLeast = 1024;
  if (low == 0 || bytes < kLeast || low + bytes < low)
    return base::fail(CW_E_INVALID, "cw_stack_declare: no stack: low is NULL, or size is below 1 KiB or reaches beyond the address space");
  base::LockGuard guard(table.lock);
  const size_t at = first_above(low);
  if (at < table.count && table.ranges[at].low < low + bytes)
    return base::fail(CW_E_DUPLICATE,
                      "cw_stack_declare: the range overlaps one that is declared; undeclare a stack before its memory is freed");
  if (table.count == table.room) {
    const size_t room = table.room == 0 ? 16 : 2 * table.room;
    auto* more = static_cast<HostRange*>(realloc(static_cast<void*>(table.ranges), room * sizeof(HostRange)));
    if (more == nullptr) return base::fail(CW_E_NOMEM, "cw_stack_declare: no memory for another declared stack");
    table.ranges = more;
    table.room = room;
  }
  memmove(static_cast<void*>(table.ranges + at + 1), table.ranges + at, (table.count - at) * sizeof(HostRange));
  table.ranges[at] = HostRange{low, low + bytes, KnownBy::Declared};
  ++table.count;
  changed();
  return {};
}

void undeclare(uintptr_t low) noexcept {
  base::LockGuard guard(table.lock);
  const size_t at = first_above(low);
  CW_CHECK(at < table.count && table.ranges[at].low == low, "a stack is undeclared once");
  memmove(static_cast<void*>(table.ranges + at), table.ranges + at + 1, (table.count - at - 1) * sizeof(HostRange));
  if (--table.count == 0) {
    free(static_cast<void*>(table.ranges));
    table.ranges = nullptr;
    table.room = 0;
  }
  changed();
}

bool find(uintptr_t sp, HostRange* out) noexcept {
  base::LockGuard guard(table.lock);
  const size_t at = first_above(sp);
  if (at == table.count || !table.ranges[at].holds(sp)) return false;
  *out = table.ranges[at];
  return true;
}

}  // namespace causeway::sched::declared_stacks
