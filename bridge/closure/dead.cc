// SPDX-License-Identifier: MIT
#include "bridge/closure/dead.hpp"

#include <bit>
#include <cstring>

#include "bridge/closure/closure.hpp"
#include "bridge/closure/idle.hpp"
#include "causeway/chain.h"
#include "runtime/base/base.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::closure {

namespace {

constinit std::atomic<uint64_t> dead_calls{0};
// What a host does wrong may come at the rate of its calls: the log gets for each status a line at each power of two of its count. A callback that is known
// to be closed has one line.
constexpr size_t kStatuses = 64;
constinit std::atomic<uint64_t> failures[kStatuses]{};

// Counts one more. 0: no line.
uint64_t nth_to_log(cw_status status) noexcept {
  const uint64_t n = failures[static_cast<size_t>(status) % kStatuses].fetch_add(1, std::memory_order_relaxed) + 1;
  return (n & (n - 1)) == 0 ? n : 0;
}

// While it lives the slot is not used again, if it was a callback's when it began: INV-SL1.
class Reading {
 public:
  explicit Reading(Slot* slot) noexcept : slot_(slot) {
    if (slot != nullptr) state_ = begin_reading(*slot);
  }
  ~Reading() {
    if (slot_ != nullptr) end_reading(*slot_);
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  // Of the callback that has the slot. 0: nobody's.
  uintptr_t state() const noexcept { return state_; }

 private:
  Slot* slot_;
  uintptr_t state_ = 0;
};

bool strict() noexcept {
  const sched::ForeignCall call;
  return call.ok() && sched::scheduler().options.strict_stacks;
}

// CW_E_STALE: user data that no callback has. CW_E_TYPE, given by told() alone: user data of a callback of another type.
bool closed(cw_status status) noexcept { return status == CW_E_CLOSED || status == CW_E_STALE; }
bool mistaken(cw_status status) noexcept { return closed(status) || status == CW_E_TYPE; }

using Line = base::TextBuffer<512>;

void append_which(Line& line, Slot* slot, bool known) noexcept {
  base::TextBuffer<32> name;
  if (known) slot->append_name(name);
  line.append("callback ");
  if (name.size() != 0) line.append("\"").append(name.view()).append("\"");
  else line.append("without a name");
  if (known && slot->owner_name[0] != '\0') line.append(" of \"").append(slot->owner_name).append("\"");
}

// What is wrong with a call for which mistaken() is true; for the log, and for a fatal report.
void append_mistake(Line& line, cw_status status, Slot* slot, bool known) noexcept {
  switch (status) {
    case CW_E_STALE: line.append("a callback was called with user data that no callback has, or no longer"); break;
    case CW_E_TYPE:
      line.append("a callback was called with the user data of ");
      append_which(line, slot, true);
      line.append(", which is of another type");
      break;
    default: append_which(line, slot, known); line.append(" was closed and is called still");
  }
}

void log_mistake(cw_status status, Slot* slot, bool known) noexcept {
  const bool once = status == CW_E_CLOSED && known;
  const uint64_t n = once ? (slot->dead_calls.fetch_add(1, std::memory_order_relaxed) == 0 ? 1 : 0) : nth_to_log(status);
  if (n == 0) return;
  Line line;
  append_mistake(line, status, slot, known);
  line.append(status == CW_E_CLOSED ? ": C gets its fallback" : ": C got zero");
  if (!once) line.append("; such calls so far: ").append_dec(n);
  base::log(base::LogLevel::Warn, line.view());
}

void log_failed(cw_status status, Slot* slot, bool known, const char* why) noexcept {
  const uint64_t n = nth_to_log(status);
  if (n == 0) return;
  Line line;
  append_which(line, slot, known);
  line.append(" could not run and gave C its fallback: ").append(cw_status_name(status)).append(", ").append(why);
  line.append("; such calls so far: ").append_dec(n);
  base::log(base::LogLevel::Warn, line.view());
}

[[noreturn]] void die(cw_status status, Slot* slot, bool known, const char* because) noexcept {
  Line text;
  if (mistaken(status)) {
    append_mistake(text, status, slot, known);
  } else {
    append_which(text, slot, known);
    text.append(" could not run");
  }
  text.append(because);
  base::fatal(base::FatalId::ClosedCallback, text.view());
}

// What is wanted. `type` is compared only: a late call may be of a module that is gone.
struct Answer {
  const cw_abi_callback_type* type;
  uint32_t result_size;
  bool is_class;
};

// A number leads to the one callback that has it. With a code pointer of another type it is not that callback that is called too late.
cw_status told(cw_status status, const Slot* slot, const Reading& reading, const cw_abi_callback_type* type) noexcept {
  const bool others = slot != nullptr && slot->kind == SlotKind::Data && reading.state() != 0 && reading.state() != state_of(type);
  return status == CW_E_CLOSED && others ? CW_E_TYPE : status;
}

void answer(cw_status status, Slot* slot, const Reading& reading, const Answer& wanted, void* result, const char* why) noexcept {
  const bool known = reading.state() == state_of(wanted.type) && reading.state() != 0;
  const bool has = known && slot->has_fallback;
  if (has) std::memcpy(result, slot->fallback_bytes(), wanted.result_size);
  else std::memset(result, 0, wanted.result_size);
#if defined(CW_PLANT_LATE_CALL_GETS_ZERO)  // a test's build forgets the fallback
  std::memset(result, 0, wanted.result_size);
#endif
  if (closed(status)) dead_calls.fetch_add(1, std::memory_order_relaxed);
  if (!has && wanted.is_class)
    die(status, slot, known, ", and its result is a struct without a fallback: give it on_exception::return_value, or close it later");
  if (status == CW_E_ASYNC) return;  // the log is no place for a handler
  if (!mistaken(status)) {
    log_failed(status, slot, known, why);
    return;
  }
  if (strict()) die(status, slot, known, ", and check mode strict stops there: have C forget the pointer first");
  log_mistake(status, slot, known);
}

// --- what the code pointer of a closed callback leads to -------------------------------------------------------

template <class Result>
CW_NOINLINE Result late(Slot* slot) noexcept {
  alignas(16) unsigned char result[16] = {};
  // The slot is of whom it was closed for, until it is used again; then this is a call of the new one that came too late. While that is made nothing of it
  // may be looked at, and C gets zero.
  const Reading reading(slot);
  const bool has = reading.state() != 0;
  const Answer wanted{has ? slot->type : nullptr, has ? slot->result_size : 0, false};
  if (wanted.result_size <= sizeof result) answer(CW_E_CLOSED, slot, reading, wanted, result, "");
  Result given{};
  std::memcpy(&given, result, sizeof given);
  return given;
}

#if CW_CHAIN
template <class Result>
CW_CHAIN_FUNCTION Result late_thunk() noexcept {
  Slot* slot;
  CW_CHAIN_READ(slot);
  return late<Result>(slot);
}
#endif

}  // namespace

void divert(Slot* slot) noexcept {
#if CW_CHAIN
  using Code = void (*)(void);
  if (slot->kind != SlotKind::Stub) return;
  Code code = nullptr;
  switch (slot->type->result_kind) {
    case CW_ABI_RESULT_WORD: code = reinterpret_cast<Code>(&late_thunk<uint64_t>); break;
    case CW_ABI_RESULT_FLOAT: code = reinterpret_cast<Code>(&late_thunk<float>); break;
    case CW_ABI_RESULT_DOUBLE: code = reinterpret_cast<Code>(&late_thunk<double>); break;
    default: return;  // how such a result travels only the type's own thunk knows
  }
  std::atomic_ref<Code>(slot->thunk).store(code, std::memory_order_relaxed);  // a call on its way takes the one or the other
#else
  static_cast<void>(slot);
#endif
}

uint64_t dead_called() noexcept { return dead_calls.load(std::memory_order_relaxed); }

void answer_failed(cw_status status, Slot* slot, const cw_abi_callback_type* type, void* result, const char* why) noexcept {
  const Reading reading(slot);
  answer(told(status, slot, reading, type), slot, reading, Answer{type, type->result_size, type->result_kind == CW_ABI_RESULT_CLASS},
         result, why);
}

}  // namespace causeway::closure
