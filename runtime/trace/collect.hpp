// SPDX-License-Identifier: MIT
//
// Who is where, copied in one stop of the world: nothing is named and nothing printed while others stand still.
//
// All memory is there before the stop, untouched pages of one reservation; if it turns out too small, everything goes on and the next try has twice
// as much. So a stop lasts for the walks alone, and what it costs is bounded by the green threads that there are.
//
// Where the world cannot be stopped in time, the same is collected without: green threads that run are left out, and what is said of the others may
// be wrong when they have gone on meanwhile; memory is read through the kernel then.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/trace/across.hpp"
#include "runtime/world/world.hpp"

namespace causeway::trace {

struct GreenCopy {
  uint64_t id = 0, outer_id = 0, spawned_by = 0, waits_since = 0;
  uintptr_t spawned_at = 0;
  const char* waits_for = nullptr;
  const void* waits_at = nullptr;
  const void* function = nullptr;  // in_c: what it called
  int locked_to = 0;               // the thread that it keeps
  sched::GState state = sched::GState::Free;
  bool callback = false, in_c = false, cut = false;
  uint32_t first = 0, n = 0;  // its steps
  char name[32] = "";
};

class Collection {
 public:
  static constexpr uint64_t kEverybody = 0;
  static constexpr uint32_t kMostSteps = 100;  // of one green thread

  Collection() noexcept = default;
  ~Collection();
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  // One green thread, or all. CW_E_TIMEOUT: collected without a stop, late() says why.
  //
  // Stack:   no green thread's (INV-AC2)
  // Blocks:  for the stop
  // Errors:  CW_E_NOMEM, CW_E_NOT_READY, CW_E_STATE (inside of a stop), CW_E_ASYNC
  cw_status collect(uint64_t id) noexcept;

  const GreenCopy* begin() const noexcept { return greens_; }
  const GreenCopy* end() const noexcept { return greens_ + n_; }
  size_t size() const noexcept { return n_; }
  const Step* steps(const GreenCopy& green) const noexcept { return steps_ + green.first; }
  uint64_t taken_ns() const noexcept { return taken_ns_; }
  std::string_view late() const noexcept { return late_.view(); }
  // So many could not be kept: there is no more memory for them.
  uint64_t left_out() const noexcept { return left_out_; }

 private:
  bool reserve(size_t greens, size_t steps) noexcept;
  void free() noexcept;
  void look(Memory::Trust trust) noexcept;
  void copy(const sched::G* g, const WalkOptions& options) noexcept;

  std::byte* memory_ = nullptr;
  size_t bytes_ = 0;
  RuleCache* cache_ = nullptr;
  GreenCopy* greens_ = nullptr;
  Step* steps_ = nullptr;
  size_t green_room_ = 0, step_room_ = 0;
  size_t n_ = 0, step_n_ = 0;
  uint64_t left_out_ = 0, taken_ns_ = 0, wanted_ = kEverybody;
  world::LateText late_;
};

}  // namespace causeway::trace
