// SPDX-License-Identifier: MIT
//
// Timer wheel of one P: seven levels of 64 slots, with a bitmap of the occupied ones.
//
// A node lives inside the green thread that waits, so arming a timer allocates nothing. Level 0 has slots of one tick (4.096 µs); a slot of
// level n spans 64^n ticks. A node is put at the level of the highest digit in which its deadline differs from the wheel's time; when
// the wheel's time reaches the slot, a node of a higher level is sorted into the levels below, one of level 0 is due.
//
//   INV-TW1  A node is linked in exactly one slot while armed, and the slot's bit is set.
//   INV-TW2  elapsed_ never passes the start of an occupied slot: nothing is skipped.
//   INV-TW3  A node is due only when its own deadline has passed (rounded up to a tick), never early.
//
// Not thread-safe: Timers (timers.hpp) holds the lock. Not chosen: a heap (O(log n) for a deadline that is cancelled nine times in ten);
// one wheel for all Ps (one lock for everybody).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sched {

inline constexpr uint64_t kNoDeadline = UINT64_MAX;

struct TimerNode {
  base::Link link;
  uint64_t deadline_ns = kNoDeadline;
  uint8_t level = 0, slot = 0;
  bool armed = false;
};

class TimerWheel {
 public:
  static constexpr unsigned kTickShift = 12;  // 2^12 ns = 4.096 µs
  static constexpr unsigned kLevels = 7, kSlotBits = 6, kSlots = 1u << kSlotBits;

  explicit TimerWheel(uint64_t now_ns = 0) noexcept : elapsed_(now_ns >> kTickShift) {}

  void add(TimerNode& node) noexcept {
    CW_DCHECK(!node.armed, "a timer is armed once");
    place(node);
    ++count_;
  }

  void remove(TimerNode& node) noexcept {
    CW_DCHECK(node.armed, "a timer that is removed is armed");
    unlink(node);
    --count_;
  }

  // When a node with that deadline is due: the deadline, rounded up to a tick.
  static constexpr uint64_t due_ns(uint64_t deadline_ns) noexcept {
    constexpr uint64_t kPart = (uint64_t{1} << kTickShift) - 1;
    return deadline_ns > kNoDeadline - 1 - kPart ? deadline_ns : (deadline_ns + kPart) & ~kPart;
  }

  // Start of the earliest occupied slot, in ns: no node is due before. kNoDeadline when empty.
  uint64_t earliest_ns() const noexcept {
    const Next next = find_next();
    return next.found ? next.tick << kTickShift : kNoDeadline;
  }

  // Takes one due node out, or returns null when none is due at now_ns. Moves the wheel's time on.
  TimerNode* expire_one(uint64_t now_ns) noexcept {
    const uint64_t now = now_ns >> kTickShift;
    for (;;) {
      const Next next = find_next();
      if (!next.found || next.tick > now) {
        if (now > elapsed_) elapsed_ = now;  // INV-TW2: no occupied slot starts at or before now
        return nullptr;
      }
      if (next.tick > elapsed_) elapsed_ = next.tick;
      List& list = slots_[next.level][next.slot];
      if (next.level == 0) {
        TimerNode* node = list.pop_front();
        if (list.empty()) clear_bit(0, next.slot);
        node->armed = false;
        --count_;
        return node;  // INV-TW3
      }
      // The slot's span begins now: sort its nodes into lower levels. Each goes strictly down, so this ends. They are touched only once: a
      // slot of a second may hold all timers, and whoever is due waits for this.
      List moving;
      moving.append_all(list);
      clear_bit(next.level, next.slot);
      while (TimerNode* node = moving.pop_front()) {
        node->armed = false;
        place(*node);
      }
    }
  }

  bool empty() const noexcept { return count_ == 0; }
  size_t size() const noexcept { return count_; }

 private:
  using List = base::IntrusiveList<TimerNode, &TimerNode::link>;
  struct Next {
    bool found;
    unsigned level, slot;
    uint64_t tick;
  };

  // Rounds up, so that a node is never early; what lies beyond the last level waits in its furthest slot and is sorted again there.
  void place(TimerNode& node) noexcept {
    uint64_t tick = node.deadline_ns >> kTickShift;
    if ((node.deadline_ns & ((uint64_t{1} << kTickShift) - 1)) != 0) ++tick;
    if (tick < elapsed_) tick = elapsed_;
    constexpr uint64_t kSpan = uint64_t{1} << (kSlotBits * kLevels);
    if (tick - elapsed_ >= kSpan - (kSpan >> kSlotBits)) tick = elapsed_ + kSpan - (kSpan >> kSlotBits) - 1;
    const uint64_t differs = (elapsed_ ^ tick) | (kSlots - 1);
    unsigned level = (63u - static_cast<unsigned>(std::countl_zero(differs))) / kSlotBits;
    if (level >= kLevels) level = kLevels - 1;
    const auto slot = static_cast<unsigned>((tick >> (level * kSlotBits)) & (kSlots - 1));
    node.level = static_cast<uint8_t>(level);
    node.slot = static_cast<uint8_t>(slot);
    node.armed = true;
    slots_[level][slot].push_back(&node);
    occupied_[level] |= uint64_t{1} << slot;
  }

  void unlink(TimerNode& node) noexcept {
    List& list = slots_[node.level][node.slot];
    list.remove(&node);
    if (list.empty()) clear_bit(node.level, node.slot);
    node.armed = false;
  }

  void clear_bit(unsigned level, unsigned slot) noexcept { occupied_[level] &= ~(uint64_t{1} << slot); }

  // The first occupied slot at or after the wheel's time on each level; the lowest level that has one wins, because a slot of a lower
  // level lies inside the current slot of the level above.
  Next find_next() const noexcept {
    for (unsigned level = 0; level < kLevels; ++level) {
      if (occupied_[level] == 0) continue;
      const unsigned shift = level * kSlotBits;
      const auto here = static_cast<unsigned>((elapsed_ >> shift) & (kSlots - 1));
      const uint64_t turned = std::rotr(occupied_[level], static_cast<int>(here));
      const auto ahead = static_cast<unsigned>(std::countr_zero(turned));
      const unsigned slot = (here + ahead) & (kSlots - 1);
      uint64_t tick = ((elapsed_ >> shift) + ahead) << shift;  // a slot behind `here` belongs to the next turn
      if (tick < elapsed_) tick = elapsed_;                    // the current slot of a higher level has begun already
      return {true, level, slot, tick};
    }
    return {false, 0, 0, 0};
  }

  uint64_t elapsed_;  // in ticks
  size_t count_ = 0;
  std::array<uint64_t, kLevels> occupied_{};
  std::array<std::array<List, kSlots>, kLevels> slots_;
};

}  // namespace causeway::sched
