// SPDX-License-Identifier: MIT
#include "runtime/os/cgroup.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "runtime/base/base.hpp"

namespace causeway::os::cgroup {
namespace {

// Fixed sizes that together leave room on a thread of 16 KiB, where a first call may start the runtime.
using GroupsText = base::TextBuffer<4096>;  // /proc/self/cgroup
using ValueText = base::TextBuffer<128>;    // one of the kernel's numbers
constexpr size_t kPathBytes = 1024;
using Path = base::TextBuffer<kPathBytes>;

// The next piece of text up to a separator, which is taken away with it.
std::string_view take_until(std::string_view& text, char separator) noexcept {
  const size_t at = text.find(separator);
  const std::string_view piece = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return piece;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

// 0 for anything that is not a plain number of 64 bits.
uint64_t number(std::string_view text) noexcept {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

bool has_controller(std::string_view list, std::string_view controller) noexcept {
  while (!list.empty())
    if (take_until(list, ',') == controller) return true;
  return false;
}

// As much of a file as fits. False when it cannot be read.
template <size_t N>
CW_NOINLINE bool read_file(const char* path, base::TextBuffer<N>* out) noexcept {
  out->clear();
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return false;
  char piece[256];
  for (size_t total = 0; total < N;) {
    const ssize_t n = read(fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    total += static_cast<size_t>(n);
    out->append({piece, static_cast<size_t>(n)});
  }
  close(fd);
  return true;
}

CW_NOINLINE bool read_beside(std::string_view folder, std::string_view file, ValueText* out) noexcept {
  Path path;
  path.append(folder).append("/").append(file);
  return path.size() < kPathBytes - 1 && read_file(path.c_str(), out);
}

unsigned lower(unsigned a, unsigned b) noexcept {
  if (a == kNoLimit) return b;
  return b == kNoLimit || a < b ? a : b;
}

unsigned limit_in(std::string_view folder, bool v2) noexcept {
  ValueText first, second;
  if (v2) return read_beside(folder, "cpu.max", &first) ? parse_cpu_max(first.view()) : kNoLimit;
  if (!read_beside(folder, "cpu.cfs_quota_us", &first) || !read_beside(folder, "cpu.cfs_period_us", &second)) return kNoLimit;
  return parse_cfs(first.view(), second.view());
}

// The lowest limit from `root` + `path` up to `root`. In a container the path may be the host's, and not be there: then only the root counts.
unsigned limit_along(std::string_view root, std::string_view path, bool v2) noexcept {
  constexpr int kLevels = 64;
  unsigned limit = kNoLimit;
  for (int i = 0; i < kLevels; ++i) {
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    Path folder;
    folder.append(root).append(path);
    limit = lower(limit, limit_in(folder.view(), v2));
    if (path.empty()) break;
    const size_t cut = path.rfind('/');
    path = cut == std::string_view::npos ? std::string_view{} : path.substr(0, cut);
  }
  return limit;
}

// Opening and reading files are cancellation points of the C library: not while a thread of the host is in here.
class CancelOff {
 public:
  CancelOff() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~CancelOff() { pthread_setcancelstate(before_, nullptr); }
  CancelOff(const CancelOff&) = delete;
  CancelOff& operator=(const CancelOff&) = delete;

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace

unsigned cpus_of(uint64_t quota_us, uint64_t period_us) noexcept {
  if (quota_us == 0 || period_us == 0) return kNoLimit;
  const uint64_t cpus = (quota_us - 1) / period_us + 1;
  return cpus > 1'000'000 ? kNoLimit : static_cast<unsigned>(cpus);
}

unsigned parse_cpu_max(std::string_view text) noexcept {
  text = trimmed(take_until(text, '\n'));
  const std::string_view quota = take_until(text, ' ');
  return cpus_of(number(quota), number(trimmed(text)));  // "max" is no number
}

unsigned parse_cfs(std::string_view quota, std::string_view period) noexcept {
  return cpus_of(number(trimmed(quota)), number(trimmed(period)));
}

std::string_view path_of(std::string_view text, std::string_view controller) noexcept {
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string_view id = take_until(line, ':');
    const std::string_view controllers = take_until(line, ':');
    const bool match = controller.empty() ? id == "0" && controllers.empty() : has_controller(controllers, controller);
    if (!match) continue;
    if (line.empty() || line.front() != '/') return {};
    for (std::string_view rest = line; !rest.empty();)
      if (take_until(rest, '/') == "..") return {};
    return line;
  }
  return {};
}

unsigned cpu_limit(const char* proc_file, const char* mount) noexcept {
  CancelOff guard;
  GroupsText groups;
  if (!read_file(proc_file, &groups)) groups.clear();  // without /proc the roots may still answer
  unsigned limit = limit_along(mount, path_of(groups.view(), ""), true);
  // Where version 1 lives beside or below: /sys/fs/cgroup/cpu and its long name, version 2 in /sys/fs/cgroup/unified (no cpu controller then).
  for (const std::string_view name : {"cpu", "cpu,cpuacct"}) {
    Path root;
    root.append(mount).append("/").append(name);
    limit = lower(limit, limit_along(root.view(), path_of(groups.view(), "cpu"), false));
  }
  return limit;
}

}  // namespace causeway::os::cgroup
