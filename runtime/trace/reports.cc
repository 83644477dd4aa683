// SPDX-License-Identifier: MIT
//
// What the scheduler's own reports (hogs, stalls, deadlocks, functions that break a rule) know of frames: walks across crossings, and names. The walk of
// a thread is reachable from signal handlers.
#include <new>

#include "runtime/trace/module.hpp"
#include "runtime/trace/names.hpp"
#include "runtime/trace/symbols.hpp"
#include "runtime/trace/trace.hpp"

namespace causeway::trace {

namespace {

using sched::Frames;

constexpr size_t kLongestPlace = 200;  // as printed: deep templates have names of kilobytes

void to_frames(const Steps& steps, Frames* to) noexcept {
  static_assert(uint8_t{Step::Frame} == uint8_t{Frames::Code} && uint8_t{Step::CallOut} == uint8_t{Frames::CallOut} &&
                uint8_t{Step::CallIn} == uint8_t{Frames::CallIn} && uint8_t{Step::Unknown} == uint8_t{Frames::Missing});
  for (uint32_t i = 0; i < steps.n; ++i) {
    to->pc[i] = steps.at[i].value;
    to->kind[i] = static_cast<Frames::Kind>(steps.at[i].kind);
  }
  to->n = steps.n;
  to->exact = steps.n != 0 && steps.at[0].exact;
}

struct Room : Steps {
  Step storage[Frames::kMost];
  Room() noexcept {
    at = storage;
    room = Frames::kMost;
  }
};

// Signal-safe: yes
void walk_of_thread(const sched::M* m, const os::ContextRegisters& at, bool exact, Frames* to) noexcept {
  Room steps;
  Cursor from = cursor_of(at);
  from.exact = exact;
  WalkOptions options;
  options.above_us = true;  // a handler may be on the stack that it interrupted, below that place
  walk_thread(m, from, &steps, options);
  to_frames(steps, to);
}

void walk_of_green(const sched::G* g, Frames* to) noexcept {
  Room steps;
  walk_green(g, &steps, {Memory::Trust::Shy, nullptr});
  to_frames(steps, to);
}

constexpr sched::FrameWalkers kWalkers{&walk_of_thread, &walk_of_green};

// Innermost first, in one line.
class Line {
 public:
  explicit Line(sched::PlaceText& text) noexcept : text_(text) {}
  void add(std::string_view what) noexcept {
    if (any_) text_.append(" < ");
    any_ = true;
    text_.append(what.substr(0, kLongestPlace));
    if (what.size() > kLongestPlace) text_.append("...");
  }
  bool any() const noexcept { return any_; }

 private:
  sched::PlaceText& text_;
  bool any_ = false;
};

// By the way of which call of ours it came is no place in the host's code.
bool is_call_of_ours(std::string_view line) noexcept { return line.starts_with("cw_") || line.starts_with("causeway::"); }

// Answers the index of the first one that was named.
uint32_t add_names(const Frames& frames, Line& line, Names& names) {
  uint32_t first = frames.n;
  for (uint32_t i = 0; i < frames.n; ++i) {
    switch (frames.kind[i]) {
      case Frames::Code: {
        const Place& place = names.of(frames.pc[i], i == 0 && frames.exact);
        if (place.ours) break;
        for (const std::string& each : place.lines) {
          if (!line.any() && is_call_of_ours(each)) continue;
          if (!line.any()) first = i;
          line.add(each);
        }
        break;
      }
      case Frames::CallOut:
        if (line.any()) line.add("[C, called by:]");
        break;
      case Frames::CallIn:
        if (line.any()) line.add("[a callback of:]");
        break;
      case Frames::Missing:
        if (line.any()) line.add("?");
        break;
    }
  }
  return first;
}

void add_addresses(const Frames& frames, Line& line) noexcept {
  for (uint32_t i = 0; i < frames.n; ++i) {
    base::TextBuffer<256> place;
    const Module module = module_of(frames.pc[i]);
    if (module.known) place.append(module.name).append("+0x").append_hex(module.offset);
    else place.append("0x").append_hex(frames.pc[i]);
    if (frames.kind[i] == Frames::Code) line.add(place.view());
  }
}

// See sched::name_frames(). Not by a libdw that is not there yet: decision 0017.
uintptr_t name_frames(const Frames& frames, sched::PlaceText& text) noexcept {
  uintptr_t start = 0;
  Line line(text);
  try {
    Names names(Names::Libdw::IfThere);
    if (const uint32_t i = add_names(frames, line, names); i < frames.n) {
      const Symbol symbol = symbol_of(i == 0 && frames.exact ? frames.pc[i] : frames.pc[i] - 1);
      start = symbol.start != 0 ? symbol.start : frames.pc[i];
    }
  } catch (const std::bad_alloc&) { add_addresses(frames, line); }
  return start;
}

}  // namespace

void install_report_names() noexcept {
  remember_program_name();
  sched::set_frame_walkers(&kWalkers);
  sched::set_name_frames(&name_frames);
}

}  // namespace causeway::trace
