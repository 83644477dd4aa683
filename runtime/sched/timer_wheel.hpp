// SPDX-License-Identifier: MIT
//
// Timer wheel of one P: 17 levels of 64 slots, with a bitmap of the occupied ones.
//
// A node lives inside the green thread that waits, so arming a timer allocates nothing. Level 0 has slots of one tick (4.096 µs); a slot of
// level n spans 8^n ticks. A node is put at the lowest level whose 64 slots, counted from the wheel's time, reach its deadline. When the
// wheel's time reaches the slot, a node of level 0 is due, and those of a higher level are sorted into finer slots. So a slot is at most an
// eighth as wide as its deadline was far (mostly much less), and what is sorted at once is that part of the nodes; each goes down two
// levels or more.
//
//   INV-TW1  A node is linked in exactly one slot while armed, and the slot's bit and its level's bit are set.
//   INV-TW2  elapsed_ never passes the start of an occupied slot: nothing is skipped. On a higher level all slots start later than elapsed_,
//            but for the one that is being sorted.
//   INV-TW3  A node is due only when its own deadline has passed (rounded up to a tick), never early.
//   INV-TW4  No node of a slot is due before slot.earliest, which is the deadline of one of them, or of one that was removed: whoever sleeps
//            until earliest_ns() does not wake to sort only.
//
// Not thread-safe: P::timer_lock guards it. Not chosen: a heap (O(log n) for a deadline that is cancelled nine times in ten); one wheel for
// all Ps (one lock for everybody); levels that grow by 64, by the highest digit in which deadline and time differ: a third of the levels,
// but a slot may hold all nodes, which takes 10 ms with 100 000. The numbers behind that: bench/micro/timer_wheel_bench.cc.
#pragma once

#include <algorithm>
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
  static constexpr unsigned kSlotBits = 6, kSlots = 1u << kSlotBits;
  static constexpr unsigned kGrowBits = 3;  // a slot of level n spans 8^n ticks
  static constexpr unsigned kLevels = 17;   // the last reaches 2^64 ns
  static_assert(kSlotBits + kGrowBits * (kLevels - 1) > 64 - kTickShift);

  explicit TimerWheel(uint64_t now_ns = 0) noexcept : elapsed_(now_ns >> kTickShift) {}

  // now_ns: the time, or any lower bound of it. The later, the finer the slot when nobody has looked at the wheel for long.
  void add(TimerNode& node, uint64_t now_ns = 0) noexcept {
    CW_DCHECK(!node.armed, "a timer is armed once");
    if (now_ns >> kTickShift >= elapsed_ + kSlots) [[unlikely]] {
      uint32_t sorts = kSortsOfAdd;
      move_on(now_ns >> kTickShift, &sorts);
    }
    place(node);
    ++count_;
  }

  void remove(TimerNode& node) noexcept {
    CW_DCHECK(node.armed, "a timer that is removed is armed");
    List& list = slots_[node.level][node.slot].nodes;
    list.remove(&node);
    if (list.empty()) clear_bit(node.level, node.slot);
    node.armed = false;
    --count_;
  }

  // When a node with that deadline is due: the deadline, rounded up to a tick.
  static constexpr uint64_t due_ns(uint64_t deadline_ns) noexcept {
    constexpr uint64_t kPart = (uint64_t{1} << kTickShift) - 1;
    return deadline_ns > kNoDeadline - 1 - kPart ? deadline_ns : (deadline_ns + kPart) & ~kPart;
  }

  // When the earliest node is due, in ns; too early only if one was removed. kNoDeadline when empty.
  uint64_t earliest_ns() const noexcept {
    constexpr uint64_t kLast = (kNoDeadline - 1) >> kTickShift;
    uint64_t tick = kNever;
    for (uint32_t left = levels_; left != 0; left &= left - 1) {
      const auto level = static_cast<unsigned>(std::countr_zero(left));
      if (occupied_[level] == 0) continue;
      const First first = first_of(level);  // the slots of a level do not overlap: the first one has its earliest node
      tick = std::min(tick, slots_[level][first.slot].earliest);
    }
    if (tick == kNever) return kNoDeadline;
    return tick <= kLast ? tick << kTickShift : kNoDeadline - 1;
  }

  // Takes one due node out. Null: none is due at now_ns. Sorts at most *sorts nodes into finer slots and counts them off: null with
  // *sorts == 0 means that more have to be sorted before anybody knows who is due.
  TimerNode* expire_one(uint64_t now_ns, uint32_t* sorts) noexcept {
    const uint64_t now = now_ns >> kTickShift;
    const First next = move_on(now, sorts);
    if (next.tick > now || next.level != 0) return nullptr;
    List& list = slots_[0][next.slot].nodes;
    TimerNode* node = list.pop_front();
    if (list.empty()) clear_bit(0, next.slot);
    node->armed = false;
    --count_;
    return node;  // INV-TW3
  }

  TimerNode* expire_one(uint64_t now_ns) noexcept {
    uint32_t sorts = UINT32_MAX;
    return expire_one(now_ns, &sorts);
  }

  bool empty() const noexcept { return count_ == 0; }
  size_t size() const noexcept { return count_; }

 private:
  using List = base::IntrusiveList<TimerNode, &TimerNode::link>;
  static constexpr uint64_t kNever = UINT64_MAX;  // in ticks
  static constexpr uint32_t kSortsOfAdd = 4;      // an add that finds the wheel behind helps, and stays short
  struct Slot {
    List nodes;
    uint64_t earliest = 0;  // in ticks, INV-TW4; has a meaning only while there are nodes
  };
  struct First {
    unsigned level, slot;
    uint64_t tick;  // at which the slot starts
  };

  // INV-TW1
  void place(TimerNode& node) noexcept {
    // Rounded up: INV-TW3.
    uint64_t tick = (node.deadline_ns >> kTickShift) + ((node.deadline_ns & ((uint64_t{1} << kTickShift) - 1)) != 0);
    if (tick < elapsed_) tick = elapsed_;
    // By the distance alone, then one more where elapsed_ is late in its own slot: 63 slots and a bit may reach into the 64th.
    const auto width = static_cast<unsigned>(std::bit_width(tick - elapsed_));
    unsigned level = width <= kSlotBits ? 0 : (width - kSlotBits + kGrowBits - 1) / kGrowBits;
    if ((tick >> (level * kGrowBits)) - (elapsed_ >> (level * kGrowBits)) >= kSlots) ++level;
    const auto at = static_cast<unsigned>((tick >> (level * kGrowBits)) & (kSlots - 1));
    node.level = static_cast<uint8_t>(level);
    node.slot = static_cast<uint8_t>(at);
    node.armed = true;
    Slot& slot = slots_[level][at];
    if (slot.nodes.empty() || tick < slot.earliest) slot.earliest = tick;  // INV-TW4
    slot.nodes.push_back(&node);
    occupied_[level] |= uint64_t{1} << at;
    levels_ |= 1u << level;
  }

  // Sorts the nodes of a slot that starts at elapsed_ into finer slots, *sorts at most. True when it is empty then. What is left is found
  // again, as nobody else is put there: the nearest slot of a level that place() takes is eight ahead.
  bool sort(unsigned level, unsigned at, uint32_t* sorts) noexcept {
    List& list = slots_[level][at].nodes;
    while (*sorts != 0) {
      // From both ends in turn. Each link to the next node is a cache miss when there are many, and so two are under way at a time.
      TimerNode* node = (--*sorts & 1) != 0 ? list.pop_front() : list.pop_back();
      place(*node);
      if (list.empty()) {
        clear_bit(level, at);
        return true;
      }
    }
    return false;
  }

  // Moves the wheel's time on to `now`, or to the next slot that has something due or more than *sorts nodes to be sorted. That one is returned.
  First move_on(uint64_t now, uint32_t* sorts) noexcept {
    for (;;) {
      const First next = find_next();
      elapsed_ = std::max(elapsed_, std::min(now, next.tick));  // INV-TW2
      if (next.tick > now || next.level == 0 || !sort(next.level, next.slot, sorts)) return next;
    }
  }

  void clear_bit(unsigned level, unsigned slot) noexcept { occupied_[level] &= ~(uint64_t{1} << slot); }

  // Needs: an occupied slot on that level. None of them starts before elapsed_ (INV-TW2), so that one behind `here` belongs to the next turn.
  First first_of(unsigned level) const noexcept {
    const uint64_t here = elapsed_ >> (level * kGrowBits);
    const uint64_t turned = std::rotr(occupied_[level], static_cast<int>(here & (kSlots - 1)));
    const uint64_t there = here + static_cast<unsigned>(std::countr_zero(turned));
    return {level, static_cast<unsigned>(there & (kSlots - 1)), there << (level * kGrowBits)};
  }

  // The slot that starts next; of two the finer one. tick == kNever: there is none.
  First find_next() noexcept {
    First next{0, 0, kNever};
    for (uint32_t left = levels_; left != 0; left &= left - 1) {
      const auto level = static_cast<unsigned>(std::countr_zero(left));
      if (occupied_[level] == 0) {
        levels_ &= ~(1u << level);
        continue;
      }
      const First first = first_of(level);
      if (first.tick < next.tick) next = first;
    }
    return next;
  }

  uint64_t elapsed_;  // in ticks
  size_t count_ = 0;
  uint32_t levels_ = 0;  // those with an occupied slot; others until find_next() sees that they are empty
  std::array<uint64_t, kLevels> occupied_{};
  std::array<std::array<Slot, kSlots>, kLevels> slots_;
};

}  // namespace causeway::sched
