// SPDX-License-Identifier: MIT
#include "bridge/capi/options.hpp"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/capi/log.hpp"
#include "runtime/os/os.hpp"

namespace causeway::capi {

namespace {

constexpr uint32_t kMaxProcessors = 1024;
constexpr uint32_t kMaxThreads = 100'000;
constexpr size_t kMaxGuard = size_t{16} << 20;
constexpr uint32_t kMaxPosts = 1u << 24;
constexpr size_t kMinSystemStack = size_t{64} << 10, kMaxSystemStack = size_t{1} << 30;

cw_status complain(Complaint* complaint, std::string_view field, std::string_view range) noexcept {
  complaint->append("option ");
  complaint->append(field);
  complaint->append(" is out of range: ");
  complaint->append(range);
  return CW_E_INVALID;
}

// The words of CAUSEWAY_CHECK and option check. Each sets one thing.
struct CheckWord {
  std::string_view word;
  std::string_view values;                                       // as people read it; empty: it takes none
  bool (*apply)(Resolved& to, std::string_view value) noexcept;  // false: not one of the values
};

// Seconds as a decimal fraction, 0.001 to 86400: what people write by hand, and nothing else that strtod would take.
bool parse_seconds(std::string_view text, uint64_t* ns) noexcept {
  constexpr uint64_t kNsPerS = 1'000'000'000, kMostS = 86'400;
  uint64_t whole = 0, part = 0, unit = kNsPerS;
  size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    whole = whole * 10 + static_cast<uint64_t>(text[i] - '0');
    if (whole > kMostS) return false;
  }
  if (i == 0) return false;
  if (i < text.size() && text[i] == '.') {
    for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9' && unit > 1; ++i) {
      unit /= 10;
      part += static_cast<uint64_t>(text[i] - '0') * unit;
    }
  }
  if (i != text.size()) return false;
  const uint64_t all = whole * kNsPerS + part;
  if (all < 1'000'000 || all > kMostS * kNsPerS) return false;
  *ns = all;
  return true;
}

using Value = std::string_view;
constexpr CheckWord kCheckWords[] = {
    {"fence", "", [](Resolved& to, Value) noexcept { return to.barrier = base::asym::Mode::Fence, true; }},
    {"noguard", "", [](Resolved& to, Value) noexcept { return to.options.light_guards = false, true; }},
    {"float", "", [](Resolved& to, Value) noexcept { return to.options.float_apart = true; }},
    {"strict", "", [](Resolved& to, Value) noexcept { return to.options.strict_stacks = true, true; }},
    {"noproc", "", [](Resolved& to, Value) noexcept { return to.options.use_proc = false, true; }},
    {"virtual-clock", "", [](Resolved& to, Value) noexcept { return to.options.virtual_clock = true; }},
    {"nodeadlock", "", [](Resolved& to, Value) noexcept { return to.options.deadlock_report = false, true; }},
    {"migrate", "always", [](Resolved& to, Value v) noexcept { return to.options.migrate_always = v == "always"; }},
    {"poison", "", [](Resolved& to, Value) noexcept { return to.options.poison = true; }},
    {"world", "", [](Resolved& to, Value) noexcept { return to.options.check_world = true; }},
    {"crash", "", [](Resolved& to, Value) noexcept { return to.options.crash_reports = true; }},
    {"callback", "<seconds>", [](Resolved& to, Value v) noexcept { return parse_seconds(v, &to.options.long_call_ns); }},
    {"stall", "<seconds>", [](Resolved& to, Value v) noexcept { return parse_seconds(v, &to.options.stall_ns); }},
};

// A comma list. At the first word that is none of ours, or whose value is not: false, and a text after the name of its source.
template <size_t N>
bool apply_check(std::string_view source, std::string_view list, Resolved& to, base::TextBuffer<N>* complaint) noexcept {
  constexpr size_t kQuoted = 40;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view item = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    const std::string_view word = item.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1);
    const CheckWord* known = nullptr;
    for (const CheckWord& entry : kCheckWords)
      if (entry.word == word) known = &entry;
    if (known != nullptr && (equals == std::string_view::npos) == known->values.empty() && known->apply(to, value)) continue;
    complaint->append(source);
    complaint->append(known == nullptr ? " has an unknown word \"" : " has a wrong value: \"");
    complaint->append(item.substr(0, kQuoted));
    if (known == nullptr) {
      complaint->append("\"; known are: ");
      for (const CheckWord& entry : kCheckWords) {
        if (&entry != kCheckWords) complaint->append(", ");
        complaint->append(entry.word);
        if (!entry.values.empty()) complaint->append("=");
        complaint->append(entry.values);
      }
    } else {
      complaint->append("\"; it is written: ");
      complaint->append(known->word);
      if (!known->values.empty()) complaint->append("=");
      complaint->append(known->values);
      if (known->values == "<seconds>") complaint->append(", from 0.001 to 86400");
    }
    return false;
  }
  return true;
}

// A number of the environment. False: not there, or not a number in [1, most]; the latter is logged.
bool env_number(const char* name, uint32_t most, uint32_t* out) noexcept {
  const char* text = os::env(name);
  if (text == nullptr) return false;
  char* end = nullptr;
  const unsigned long value = strtoul(text, &end, 10);
  if (end == text || *end != '\0' || value == 0 || value > most) {
    base::TextBuffer<160> line;
    line.append(name);
    line.append(" is ignored: it is not a number from 1 to ");
    line.append_dec(most);
    base::log(base::LogLevel::Warn, line.view());
    return false;
  }
  *out = static_cast<uint32_t>(value);
  return true;
}

constexpr struct {
  const char* name;
  int level;
} kLevels[] = {{"trace", CW_LOG_TRACE}, {"debug", CW_LOG_DEBUG}, {"info", CW_LOG_INFO},
               {"warn", CW_LOG_WARN},   {"error", CW_LOG_ERROR}, {"off", CW_LOG_OFF}};

cw_status check_ranges(const cw_options& o, Complaint* c) noexcept {
  if (o.processors > kMaxProcessors) return complain(c, "processors", "0 (all CPUs) or 1 to 1024");
  if (o.max_threads > kMaxThreads) return complain(c, "max_threads", "1 to 100000, or 0 for the default");
  if (o.stack_size > stack::kLargestStackBytes) return complain(c, "stack_size", "at most 1 MiB; large data belongs on the heap");
  if (o.guard_size > kMaxGuard) return complain(c, "guard_size", "at most 16 MiB");
  if (o.system_stack_size != 0 && (o.system_stack_size < kMinSystemStack || o.system_stack_size > kMaxSystemStack))
    return complain(c, "system_stack_size", "64 KiB to 1 GiB, or 0 for the default");
  if (o.post_capacity > kMaxPosts) return complain(c, "post_capacity", "at most 2^24, or 0 for the default");
  if (o.stack_policy != CW_STACK_ACCEPT && o.stack_policy != CW_STACK_STRICT)
    return complain(c, "stack_policy", "CW_STACK_ACCEPT or CW_STACK_STRICT");
  if (o.barrier != CW_BARRIER_AUTO && o.barrier != CW_BARRIER_MEMBARRIER && o.barrier != CW_BARRIER_FENCE)
    return complain(c, "barrier", "CW_BARRIER_AUTO, CW_BARRIER_MEMBARRIER or CW_BARRIER_FENCE");
  if (o.signal != 0 && (o.signal < SIGRTMIN || o.signal > SIGRTMAX)) return complain(c, "signal", "0, or a real-time signal");
  bool level = false;
  for (const auto& entry : kLevels) level |= entry.level == o.log_level;
  if (!level) return complain(c, "log_level", "one of CW_LOG_TRACE to CW_LOG_OFF");
  return CW_OK;
}

}  // namespace

cw_options default_options() noexcept {
  cw_options o{};
  o.size = sizeof o;
  o.max_threads = 10'000;
  o.stack_size = stack::kDefaultStackBytes;
  o.system_stack_size = size_t{8} << 20;
  o.max_depth = 10'000;
  o.post_capacity = 65'536;
  o.stack_policy = CW_STACK_ACCEPT;
  o.barrier = CW_BARRIER_AUTO;
  o.implicit_start = 1;
  o.start_wait_ns = 10'000'000'000;
  o.stop_timeout_ns = 10'000'000'000;
  o.guard_handler = 1;
  o.log_level = CW_LOG_WARN;
  o.check = "";
  return o;
}

cw_status adopt(const cw_options* from, cw_options* to, Complaint* complaint) noexcept {
  *to = default_options();
  if (from->size < sizeof(size_t) || from->size > sizeof *to) {
    complaint->append("the options' size is ");
    complaint->append(from->size == 0 ? "not set" : "not one that this version knows");
    complaint->append("; fill the struct with cw_options_init first");
    return CW_E_INVALID;
  }
  memcpy(to, from, from->size);
  to->size = sizeof *to;
  if (to->check == nullptr) to->check = "";
  return CW_OK;
}

cw_status resolve(const cw_options& from, Resolved* to, Complaint* complaint) noexcept {
  if (const cw_status status = check_ranges(from, complaint); status != CW_OK) return status;
  to->log_level = from.log_level;
  if (const char* text = os::env("CAUSEWAY_LOG")) {
    for (const auto& entry : kLevels)
      if (strcmp(entry.name, text) == 0) to->log_level = entry.level;
  }
  start_log(to->log_level);  // before anything below is logged
  sched::Options& o = to->options;
  o.processors = from.processors;
  env_number("CAUSEWAY_PROCESSORS", kMaxProcessors, &o.processors);
  o.max_threads = from.max_threads != 0 ? from.max_threads : 10'000;
  o.max_green = from.max_green;
  o.max_hogs = from.max_hogs;
  o.max_foreign = from.max_foreign;
  o.max_depth = from.max_depth != 0 ? from.max_depth : 10'000;
  o.post_capacity = from.post_capacity != 0 ? from.post_capacity : 65'536;
  o.strict_stacks = from.stack_policy == CW_STACK_STRICT;
  o.stack_size = from.stack_size;
  o.guard_size = from.guard_size;
  o.system_stack_size = from.system_stack_size != 0 ? from.system_stack_size : size_t{8} << 20;
  o.guard_handler = from.guard_handler != 0;
  o.crash_reports = from.crash_reports != 0;
  o.signal = from.signal;
  to->barrier = from.barrier == CW_BARRIER_FENCE        ? base::asym::Mode::Fence
                : from.barrier == CW_BARRIER_MEMBARRIER ? base::asym::Mode::Membarrier
                                                        : base::asym::Mode::Auto;
  if (!apply_check("option check", from.check, *to, complaint)) return CW_E_INVALID;
  if (const char* list = os::env("CAUSEWAY_CHECK")) {
    base::TextBuffer<320> line;
    if (!apply_check("CAUSEWAY_CHECK", list, *to, &line)) {
      line.append("; the rest of it is ignored");
      base::log(base::LogLevel::Warn, line.view());
    }
  }
  if (o.processors == 0) o.processors = os::processors_available(o.use_proc ? os::CpuLimits::All : os::CpuLimits::MaskOnly);
  if (o.processors > kMaxProcessors) o.processors = kMaxProcessors;
  return CW_OK;
}

}  // namespace causeway::capi
