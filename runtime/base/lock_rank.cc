// SPDX-License-Identifier: MIT
#include "runtime/base/lock_rank.hpp"

#include "runtime/base/fatal.hpp"
#include "runtime/base/text_buffer.hpp"

namespace causeway::base {

std::string_view lock_rank_name(LockRank rank) noexcept {
  switch (rank) {
    case LockRank::Runtime: return "Runtime";
    case LockRank::Object: return "Object";
    case LockRank::Task: return "Task";
    case LockRank::Sched: return "Sched";
    case LockRank::Timer: return "Timer";
    case LockRank::Stack: return "Stack";
    case LockRank::Slab: return "Slab";
    case LockRank::Log: return "Log";
  }
  return "?";
}

namespace lock_ranks {

#if CW_DEBUG_CHECKS
namespace {

// One count of eight bits for each rank, the lowest rank in the lowest byte. Debug-check builds only, so it is not one of the library's two
// thread-local words; read behind CW_OPAQUE as they are (runtime/os/thread_words.hpp).
constinit thread_local uint64_t held_counts __attribute__((tls_model("initial-exec"))) = 0;

CW_OPAQUE uint64_t counts() noexcept {
  CW_OPAQUE_BODY();
  return held_counts;
}
CW_OPAQUE void add_to_counts(uint64_t difference) noexcept {
  CW_OPAQUE_BODY();
  held_counts += difference;
}

constexpr unsigned shift_of(LockRank rank) noexcept { return 8 * static_cast<unsigned>(rank); }
constexpr uint64_t one(LockRank rank) noexcept { return uint64_t{1} << shift_of(rank); }
constexpr unsigned count_in(uint64_t counts, LockRank rank) noexcept { return static_cast<unsigned>(counts >> shift_of(rank)) & 0xffu; }

}  // namespace

void acquired(LockRank rank, Same same) noexcept {
  const uint64_t counts_now = counts();
  const uint64_t at_or_above = counts_now >> shift_of(rank);
  const uint64_t in_the_way = same == Same::Allowed ? at_or_above & ~uint64_t{0xff} : at_or_above;
  if (in_the_way != 0) [[unlikely]] {
    LockRank highest = LockRank::Log;
    while (count_in(counts_now, highest) == 0) highest = static_cast<LockRank>(static_cast<unsigned>(highest) - 1);
    TextBuffer<128> text;
    text.append("lock order: a lock of rank ").append(lock_rank_name(rank)).append(" is taken while one of rank ");
    text.append(lock_rank_name(highest)).append(" is held");
    fatal(FatalId::Invariant, text.view());
  }
  add_to_counts(one(rank));
}

void try_acquired(LockRank rank) noexcept { add_to_counts(one(rank)); }

void released(LockRank rank) noexcept {
  if (count_in(counts(), rank) == 0) [[unlikely]] {
    TextBuffer<128> text;
    text.append("lock order: a lock of rank ").append(lock_rank_name(rank)).append(" is released by a thread that holds none of it");
    fatal(FatalId::Invariant, text.view());
  }
  add_to_counts(uint64_t{0} - one(rank));
}

unsigned held(LockRank rank) noexcept { return count_in(counts(), rank); }

#else

void acquired(LockRank, Same) noexcept {}
void try_acquired(LockRank) noexcept {}
void released(LockRank) noexcept {}
unsigned held(LockRank) noexcept { return 0; }

#endif

}  // namespace lock_ranks
}  // namespace causeway::base
