// SPDX-License-Identifier: MIT
#include "runtime/os/code_pages.hpp"

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/os/fault_hook.hpp"
#include "runtime/os/memory.hpp"

namespace causeway::os {

namespace {

constexpr size_t kLine = 4400;  // of /proc/self/maps: a path of 4096 bytes, and what is before it

// Which bytes of which file an address comes from.
struct Origin {
  uintptr_t at = 0;
  off_t offset = 0;  // of `at`
  char path[kLine] = "";
};

// The next word of the line, a number in hex or anything.
uintptr_t word(const char*& at) noexcept {
  uintptr_t number = 0;
  for (; *at != '\0' && *at != ' ' && *at != '-'; ++at) {
    const char c = *at;
    number = number << 4 | static_cast<uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  while (*at == ' ' || *at == '-') ++at;
  return number;
}

// "start-end perms offset dev inode   path"
bool read_line(const char* at, Origin& origin) noexcept {
  const uintptr_t start = word(at), end = word(at);
  if (origin.at < start || origin.at >= end) return false;
  while (*at != '\0' && *at != ' ') ++at;  // permissions may have a '-'
  while (*at == ' ') ++at;
  origin.offset = static_cast<off_t>(word(at) + (origin.at - start));
  static_cast<void>(word(at));
  static_cast<void>(word(at));
  if (*at != '/') return false;
  std::strcpy(origin.path, at);
  return true;
}

bool find_in_maps(Origin& origin) noexcept {
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  static char buffer[kLine];
  size_t held = 0;
  bool found = false;
  while (!found) {
    const ssize_t got = read(fd, buffer + held, sizeof buffer - 1 - held);
    if (got <= 0) break;
    held += static_cast<size_t>(got);
    buffer[held] = '\0';
    char* line = buffer;
    for (char* end = nullptr; !found && (end = std::strchr(line, '\n')) != nullptr; line = end + 1) {
      *end = '\0';
      found = read_line(line, origin);
    }
    held -= static_cast<size_t>(line - buffer);
    std::memmove(buffer, line, held);
  }
  close(fd);
  return found;
}

// Where there is no /proc: by what the loader knows. The path may be relative to a directory that was left.
int find_in_image(dl_phdr_info* image, size_t, void* to) noexcept {
  auto& origin = *static_cast<Origin*>(to);
  for (int i = 0; i < image->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = image->dlpi_phdr[i];
    const uintptr_t start = image->dlpi_addr + part.p_vaddr;
    if (part.p_type != PT_LOAD || origin.at < start || origin.at >= start + part.p_filesz) continue;
    origin.offset = static_cast<off_t>(part.p_offset + (origin.at - start));
    const char* name = image->dlpi_name != nullptr && *image->dlpi_name != '\0' ? image->dlpi_name : "/proc/self/exe";
    if (std::strlen(name) >= sizeof origin.path) return 0;
    std::strcpy(origin.path, name);
    return 1;
  }
  return 0;
}

constexpr uintptr_t down(uintptr_t at, size_t page) noexcept { return at & ~(page - 1); }
constexpr uintptr_t up(uintptr_t at, size_t page) noexcept { return down(at + page - 1, page); }

}  // namespace

CodePages map_code_again(const std::byte* code, size_t code_bytes, const std::byte* data, size_t data_bytes, std::byte** again) noexcept {
  const size_t page = page_size();
  const auto code_at = reinterpret_cast<uintptr_t>(code), data_at = reinterpret_cast<uintptr_t>(data);
  const uintptr_t code_low = down(code_at, page), code_high = up(code_at + code_bytes, page);
  const uintptr_t data_low = down(data_at, page), data_high = up(data_at + data_bytes, page);
  if (code_low < data_high && data_low < code_high) return CodePages::NoFile;
  static Origin origin;  // green threads have small stacks
  origin.at = code_low;
  if (!find_in_maps(origin) && dl_iterate_phdr(&find_in_image, &origin) == 0) return CodePages::NoFile;
  const int fd = open(origin.path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return CodePages::NoFile;

  // The whole distance, so that both parts have their place; then what lies between is given back.
  const uintptr_t low = code_low < data_low ? code_low : data_low;
  const uintptr_t high = code_high > data_high ? code_high : data_high;
  void* room = fault_injected(FaultPoint::Map) ? MAP_FAILED
                                               : mmap(nullptr, high - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) {
    close(fd);
    return CodePages::NoMemory;
  }
  const uintptr_t moved = reinterpret_cast<uintptr_t>(room) - low;
  auto* new_code = reinterpret_cast<std::byte*>(moved + code_at);
  auto* new_low = reinterpret_cast<void*>(moved + code_low);
  auto* new_data = reinterpret_cast<void*>(moved + data_low);
  CodePages answer = CodePages::Mapped;
  if (mmap(new_low, code_high - code_low, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, origin.offset) == MAP_FAILED) {
    answer = errno == ENOMEM ? CodePages::NoMemory : CodePages::Refused;
  } else {
    char same[1];
    // A file that was cut has no bytes there, and looking at them directly would be a crash. One that was replaced has others.
    if (!read_memory(same, new_code + code_bytes - 1, 1) || std::memcmp(new_code, code, code_bytes) != 0) answer = CodePages::NoFile;
    else if (mmap(new_data, data_high - data_low, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
      answer = CodePages::NoMemory;
  }
  const int why = errno;
  close(fd);
  if (answer != CodePages::Mapped) {
    munmap(room, high - low);
    errno = why;
    return answer;
  }
  const uintptr_t gap_low = moved + (code_low < data_low ? code_high : data_high);
  const uintptr_t gap_high = moved + (code_low < data_low ? data_low : code_low);
  if (gap_low < gap_high)
    static_cast<void>(munmap(reinterpret_cast<void*>(gap_low), gap_high - gap_low));  // else it stays reserved, which is harmless
  *again = new_code;
  return CodePages::Mapped;
}

}  // namespace causeway::os
