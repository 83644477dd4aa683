// SPDX-License-Identifier: MIT
#include "tests/cpp/oom/inject.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "causeway/causeway.h"

namespace oom {
namespace {

constexpr int kMadvGuardInstall = 102;

// seq_cst throughout: tests pay for simplicity.
std::atomic<bool> armed{false};
std::atomic<Resource> armed_resource{Resource::Memory};
std::atomic<Mode> armed_mode{Mode::Once};
std::atomic<uint64_t> nth_request{0}, requests{0}, refused{0};
std::atomic<int64_t> live_allocations{0}, mapped_bytes{0};

bool refuse(Resource resource) noexcept {
  if (!armed || armed_resource != resource) return false;
  const uint64_t n = ++requests;
  if (armed_mode == Mode::Once ? n != nth_request : n < nth_request) return false;
  ++refused;
  return true;
}

bool refuse_with(Resource resource, int error) noexcept {
  if (!refuse(resource)) return false;
  errno = error;
  return true;
}

int64_t entries(const char* path) noexcept {
  DIR* dir = opendir(path);
  if (dir == nullptr) return -1;
  int64_t n = 0;
  while (const dirent* entry = readdir(dir)) n += entry->d_name[0] != '.';
  closedir(dir);
  return n;
}

// Without stdio, whose buffers would count.
int64_t mapped_in_all() noexcept {
  static char text[1 << 18];
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t size = 0;
  for (ssize_t n; size + 1 < sizeof text && (n = read(fd, text + size, sizeof text - 1 - size)) > 0;) size += static_cast<size_t>(n);
  close(fd);
  text[size] = '\0';
  int64_t bytes = 0;
  for (char* line = text; *line != '\0';) {
    char* end = strchr(line, '\n');
    if (end == nullptr) break;
    *end = '\0';
    char* dash = nullptr;
    const auto from = static_cast<int64_t>(strtoull(line, &dash, 16));
    const auto to = static_cast<int64_t>(strtoull(dash + 1, nullptr, 16));
    if (strstr(line, "[heap]") == nullptr && strstr(line, "[stack]") == nullptr) bytes += to - from;
    line = end + 1;
  }
  return bytes;
}

void* counted(void* p) noexcept {
  if (p != nullptr) ++live_allocations;
  return p;
}

}  // namespace

void arm(Resource resource, Mode mode, uint64_t nth) noexcept {
  requests = 0;
  refused = 0;
  nth_request = nth;
  armed_mode = mode;
  armed_resource = resource;
  armed = true;
}

uint64_t disarm() noexcept {
  armed = false;
  return refused;
}

Holdings holdings() noexcept {
  Holdings h;
  cw_stats stats;
  cw_stats_init(&stats);
  cw_runtime_stats(&stats);
  h.handles = static_cast<int64_t>(stats.handles_live);
  h.threads = entries("/proc/self/task");
  h.descriptors = entries("/proc/self/fd");
  h.mapped_bytes = mapped_bytes;
  h.address_space = mapped_in_all();
  h.allocations = live_allocations;
  return h;
}

}  // namespace oom

// --- memory: the C library's names, over its own inner ones -----------------------------------------------------------------

using oom::counted;
using oom::live_allocations;
using oom::refuse_with;
using oom::Resource;

extern "C" {

void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t n, size_t bytes);
void* __libc_realloc(void* p, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* p);

void* malloc(size_t bytes) {
  if (refuse_with(Resource::Memory, ENOMEM)) return nullptr;
  return counted(__libc_malloc(bytes));
}

void* calloc(size_t n, size_t bytes) {
  if (refuse_with(Resource::Memory, ENOMEM)) return nullptr;
  return counted(__libc_calloc(n, bytes));
}

void* realloc(void* p, size_t bytes) {
  if (refuse_with(Resource::Memory, ENOMEM)) return nullptr;
  if (p == nullptr) return counted(__libc_malloc(bytes));
  void* moved = __libc_realloc(p, bytes);
  if (bytes == 0) --live_allocations;
  return moved;
}

void* memalign(size_t alignment, size_t bytes) {
  if (refuse_with(Resource::Memory, ENOMEM)) return nullptr;
  return counted(__libc_memalign(alignment, bytes));
}

void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void** out, size_t alignment, size_t bytes) {
  void* p = memalign(alignment, bytes);
  if (p == nullptr) return ENOMEM;
  *out = p;
  return 0;
}

void free(void* p) {
  if (p != nullptr) --live_allocations;
  __libc_free(p);
}

// --- the system: see --wrap in meson.build ----------------------------------------------------------------------------------

void* __real_mmap64(void* at, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void* at, size_t bytes);
int __real_madvise(void* at, size_t bytes, int advice);
int __real_mprotect(void* at, size_t bytes, int protection);
int __real_pthread_create(pthread_t* out, const pthread_attr_t* attributes, void* (*fn)(void*), void* arg);
int __real_sigaltstack(const stack_t* set, stack_t* old);
int __real_epoll_create1(int flags);
int __real_epoll_ctl(int epoll, int op, int fd, epoll_event* event);
int __real_eventfd(unsigned count, int flags);
int __real_open64(const char* path, int flags, ...);

void* __wrap_mmap64(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  if (refuse_with(Resource::System, ENOMEM)) return MAP_FAILED;
  void* p = __real_mmap64(at, bytes, protection, flags, fd, offset);
  if (p != MAP_FAILED) oom::mapped_bytes += static_cast<int64_t>(bytes);
  return p;
}

int __wrap_munmap(void* at, size_t bytes) {
  const int answer = __real_munmap(at, bytes);
  if (answer == 0) oom::mapped_bytes -= static_cast<int64_t>(bytes);
  return answer;
}

int __wrap_madvise(void* at, size_t bytes, int advice) {
  if (advice == oom::kMadvGuardInstall && refuse_with(Resource::System, ENOMEM)) return -1;
  return __real_madvise(at, bytes, advice);
}

int __wrap_mprotect(void* at, size_t bytes, int protection) {
  if (refuse_with(Resource::System, ENOMEM)) return -1;
  return __real_mprotect(at, bytes, protection);
}

int __wrap_pthread_create(pthread_t* out, const pthread_attr_t* attributes, void* (*fn)(void*), void* arg) {
  if (refuse_with(Resource::System, EAGAIN)) return EAGAIN;
  return __real_pthread_create(out, attributes, fn, arg);
}

int __wrap_sigaltstack(const stack_t* set, stack_t* old) {
  if (set != nullptr && (set->ss_flags & SS_DISABLE) == 0 && refuse_with(Resource::System, ENOMEM)) return -1;
  return __real_sigaltstack(set, old);
}

int __wrap_epoll_create1(int flags) {
  if (refuse_with(Resource::System, EMFILE)) return -1;
  return __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int epoll, int op, int fd, epoll_event* event) {
  if (op == EPOLL_CTL_ADD && refuse_with(Resource::System, ENOSPC)) return -1;
  return __real_epoll_ctl(epoll, op, fd, event);
}

int __wrap_eventfd(unsigned count, int flags) {
  if (refuse_with(Resource::System, EMFILE)) return -1;
  return __real_eventfd(count, flags);
}

// Files of /proc and of cgroups: the library must do without them.
int __wrap_open64(const char* path, int flags, ...) {
  if (refuse_with(Resource::System, EMFILE)) return -1;
  va_list arguments;
  va_start(arguments, flags);
  const int mode = va_arg(arguments, int);
  va_end(arguments);
  return __real_open64(path, flags, mode);
}

}  // extern "C"
