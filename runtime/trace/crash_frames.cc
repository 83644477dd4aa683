// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers: writes to stderr.
#include "runtime/trace/crash_frames.hpp"

#include <string_view>

#include "runtime/trace/module.hpp"
#include "runtime/trace/symbol_file.hpp"

namespace causeway::trace {

namespace {

using sched::G;

constexpr uint32_t kMostSteps = 512, kMostOnOneSide = 32, kMostLines = 256;
constexpr size_t kLongestName = 256;

// Of the report under way.
Step room[kMostSteps];

bool is_code(uintptr_t pc) noexcept { return module_of(pc).known; }

// Below whose call out the code at `place` runs, if the list ended before it.
const G* next_in_c(const CrashPlace& place) noexcept {
  if (place.g == nullptr || place.in_c) return place.g;
  const G* outer = sched::outer_of(place.g);
  return outer != nullptr && outer->out.in_c() ? outer : nullptr;
}

class Printer {
 public:
  explicit Printer(const G* innermost) noexcept : side_(innermost) {}
  void print(const Steps& steps) noexcept {
    for (uint32_t i = 0; i < steps.n && lines_ < kMostLines; ++i) one(steps.at[i]);
    left_out();
    if (lines_ == kMostLines) base::raw_write("  ... and more calls, one in the other\n");
  }
  void go_on(const G* g) noexcept { side_ = g; }
  void mark(std::string_view text) noexcept {
    Line line;
    write(line.append("  -- ").append(text));
  }

 private:
  void one(const Step& step) noexcept {
    Line line;
    if (step.kind != Step::Frame) left_out();
    switch (step.kind) {
      case Step::Frame: return frame(step);
      case Step::CallOut:
        line.append("  -- call out, of green thread ");
        if (side_ != nullptr) sched::append_identity(line, side_);
        line.append(" to C: ");
        if (step.value != 0) append_code(line, step.value, true);
        else line.append("a function that is not known");
        break;
      case Step::CallIn:
        line.append("  -- callback, from C to green thread ");
        if (side_ != nullptr && side_->id == step.value) sched::append_identity(line, side_);
        else line.append_dec(step.value);
        if (side_ != nullptr) side_ = sched::outer_of(side_);
        break;
      case Step::Unknown: line.append("  ... frames that cannot be found"); break;
    }
    write(line);
  }
  void frame(const Step& step) noexcept {
    if (os::is_signal_return(step.value)) {
      left_out();
      return mark("signal handler, on top of");
    }
    ++number_;
    if (++on_this_side_ > kMostOnOneSide) return;
    Line line;
    line.append("  #").append_dec(number_ - 1).append(" ");
    append_code(line, step.value, step.exact);
    write(line);
  }
  // The side ends.
  void left_out() noexcept {
    if (on_this_side_ > kMostOnOneSide) {
      Line line;
      write(line.append("  ... ").append_dec(on_this_side_ - kMostOnOneSide).append(" more"));
    }
    on_this_side_ = 0;
  }
  void write(Line& line) noexcept {
    ++lines_;
    base::raw_write(line.append("\n").view());
  }

  const G* side_;  // the green thread that the lines are about, and the C code that it called
  uint32_t lines_ = 0, on_this_side_ = 0;
  uint64_t number_ = 0;
};

}  // namespace

void append_code(Line& line, uintptr_t pc, bool exact) noexcept {
  line.append("0x").append_hex(pc).append(" ");
  const Module module = module_of(pc);
  line.append(module.name);
  if (!module.known) return;
  line.append("+0x").append_hex(module.offset);
  char name[kLongestName];
  uint64_t start = 0;
  const char* path = module.file[0] != '\0' ? module.file : "/proc/self/exe";
  if (!symbol_in_file(path, module.offset - (exact ? 0 : 1), name, sizeof name, &start)) return;
  line.append(" ").append(name).append("+0x").append_hex(module.offset - start);
}

Steps walk_place(const CrashPlace& place, const void* context) noexcept {
  Steps steps{room, kMostSteps};
  Cursor from = place.at;
  if (context != nullptr && !is_code(from.pc)) {
    steps.add({from.pc, Step::Frame, Step::C, true});
    // A call of an address without code: it returns to its caller. Else what was called has made a frame: only fp tells.
    const os::ContextRegisters back = os::context_after_return(context);
    if (back.pc != 0 && is_code(back.pc)) from = cursor_of(back);
    else from.pc = 0;
    from.exact = false;
  }
  WalkOptions options;
  options.above_us = true;
  walk_thread(place.m, from, &steps, options);
  return steps;
}

bool is_in_handler(const Steps& steps) noexcept {
  for (uint32_t i = 0; i < steps.n && steps.at[i].kind == Step::Frame; ++i)
    if (os::is_signal_return(steps.at[i].value)) return true;
  return false;
}

void print_steps(const Steps& steps, const CrashPlace& place) noexcept {
  Printer printer(place.g);
  printer.print(steps);
  if (!steps.cut) return;
  printer.mark("many more, down to");
  Steps rest{room, kMostSteps};
  const G* g = next_in_c(place);
  printer.go_on(g);
  if (g == nullptr) return;
  WalkOptions options;
  options.above_us = true;
  walk_green(g, &rest, options);
  if (rest.n != 0 && rest.at[0].kind == Step::Unknown) ++rest.at, --rest.n;  // those that are printed already
  printer.print(rest);
}

}  // namespace causeway::trace
