// SPDX-License-Identifier: MIT
#include "runtime/os/proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::os {

bool read_proc_file(const char* path, char* to, size_t room) noexcept {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t n = 0;
  for (;;) {
    const ssize_t got = read(fd, to + n, room - 1 - n);
    if (got < 0) {
      close(fd);
      return false;
    }
    if (got == 0) break;
    n += static_cast<size_t>(got);
    if (n + 1 == room) break;
  }
  close(fd);
  to[n] = '\0';
  return n + 1 < room;
}

bool read_task_file(int tid, const char* file, char* to, size_t room) noexcept {
  base::TextBuffer<64> path;
  path.append("/proc/self/task/").append_dec(static_cast<uint64_t>(tid)).append(file);
  return read_proc_file(path.c_str(), to, room);
}

}  // namespace causeway::os
