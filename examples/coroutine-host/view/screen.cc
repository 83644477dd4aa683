// SPDX-License-Identifier: MIT
//
// The live display: see screen.hpp.
#include "view/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "view/table.hpp"

namespace view {
namespace {

// Redrawing needs a terminal that can move its cursor, with room for the table.
bool can_redraw() {
  if (isatty(STDOUT_FILENO) == 0) return false;
  const char* term = std::getenv("TERM");
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return true;  // it does not say
  return size.ws_col > kWidth && size.ws_row > 20;
}

}  // namespace

Screen::Screen(double seconds) : seconds_(seconds), terminal_(can_redraw()) {
  std::puts("C hosts call green threads, from stacks that they switch as they like\n");
}

std::string Screen::progress(double seconds) const {
  constexpr std::size_t kCells = 40;
  const auto done = static_cast<std::size_t>(std::clamp(seconds / seconds_, 0.0, 1.0) * kCells);
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "] %.1f of %.1f s", std::min(seconds, seconds_), seconds_);
  return "  [" + std::string(done, '=') + std::string(kCells - done, ' ') + numbers;
}

void Screen::show(const Snapshot& now) {
  recent_.push_back(now);
  while (recent_.size() > 2 && now.seconds - recent_[1].seconds >= 1) recent_.pop_front();
  if (terminal_) {
    std::vector<std::string> lines = table(recent_.front(), now);
    lines.push_back("");
    lines.push_back(progress(now.seconds));
    draw(lines);
  } else if (now.seconds >= next_line_) {
    draw({line(recent_.front(), now)});
    next_line_ += 1;
  }
}

void Screen::finish(const Snapshot& first, const Snapshot& last, const char* first_failure) {
  if (!terminal_) std::puts("");
  std::vector<std::string> lines = table(first, last);
  lines.push_back("");
  const std::string calls = grouped(last.total(&host_numbers::calls));
  lines.push_back(first_failure == nullptr ? calls + " calls, and every answer and every stack was right"
                                           : calls + " calls, and something was WRONG; first: " + first_failure);
  draw(lines);
}

// In a terminal: over what was drawn before.
void Screen::draw(const std::vector<std::string>& lines) {
  std::string out;
  if (terminal_ && drawn_ > 0) out = "\x1b[" + std::to_string(drawn_) + "A";
  for (const std::string& one : lines) {
    out += one;
    if (terminal_) out += "\x1b[K";  // to the end of the line
    out += '\n';
  }
  drawn_ = lines.size();
  std::fputs(out.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace view
