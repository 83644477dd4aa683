// SPDX-License-Identifier: MIT
#include "runtime/world/trap.hpp"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "runtime/os/os.hpp"
#include "runtime/world/stopped.hpp"

namespace causeway::world::trap {

namespace {

[[noreturn]] CW_COLD void caught(const char* name) noexcept {
  base::TextBuffer<256> text;
  text.append("the function of cw_world_run() called ")
      .append(name)
      .append(", which is not async-signal-safe: a stopped thread may hold its lock");
  base::fatal(base::FatalId::Invariant, text.view());
}

CW_ALWAYS_INLINE void look(const char* name) noexcept {
  if (stopped_by_us()) [[unlikely]]
    caught(name);
}

// A function that is watched: our stand-in forwards to *real.
template <class F>
struct Watched;
template <class R, class... A>
struct Watched<R(A...)> {
  // One instantiation per name, by its index in the table.
  template <int kIndex>
  static R stand_in(A... args);
};

struct Entry {
  const char* name;
  void* stand_in;
  void* real;
};

extern Entry table[];

template <class R, class... A>
template <int kIndex>
R Watched<R(A...)>::stand_in(A... args) {
  look(table[kIndex].name);
  return reinterpret_cast<R (*)(A...)>(table[kIndex].real)(args...);
}

// The printing ones go on to vfprintf, which takes the arguments as a list.
#define CW_PRINT(name, file)                    \
  do {                                          \
    look(name);                                 \
    va_list args;                               \
    va_start(args, format);                     \
    const int n = vfprintf(file, format, args); \
    va_end(args);                               \
    return n;                                   \
  } while (false)
int print_stand_in(const char* format, ...) { CW_PRINT("printf", stdout); }
int fprint_stand_in(FILE* file, const char* format, ...) { CW_PRINT("fprintf", file); }
int print_checked_stand_in(int /*flag*/, const char* format, ...) { CW_PRINT("printf", stdout); }
int fprint_checked_stand_in(FILE* file, int /*flag*/, const char* format, ...) { CW_PRINT("fprintf", file); }
#undef CW_PRINT

#define CW_WATCH(index, name, type) {#name, reinterpret_cast<void*>(&Watched<type>::stand_in<index>), nullptr}
Entry table[] = {
    CW_WATCH(0, malloc, void*(size_t)),
    CW_WATCH(1, free, void(void*)),
    CW_WATCH(2, calloc, void*(size_t, size_t)),
    CW_WATCH(3, realloc, void*(void*, size_t)),
    CW_WATCH(4, aligned_alloc, void*(size_t, size_t)),
    CW_WATCH(5, posix_memalign, int(void**, size_t, size_t)),
    CW_WATCH(6, pthread_mutex_lock, int(pthread_mutex_t*)),
    CW_WATCH(7, pthread_rwlock_rdlock, int(pthread_rwlock_t*)),
    CW_WATCH(8, pthread_rwlock_wrlock, int(pthread_rwlock_t*)),
    CW_WATCH(9, pthread_cond_wait, int(pthread_cond_t*, pthread_mutex_t*)),
    CW_WATCH(10, pthread_create, int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)),
    CW_WATCH(11, pthread_join, int(pthread_t, void**)),
    CW_WATCH(12, dlopen, void*(const char*, int)),
    CW_WATCH(13, dlclose, int(void*)),
    CW_WATCH(14, dl_iterate_phdr, int(int (*)(dl_phdr_info*, size_t, void*), void*)),
    CW_WATCH(15, puts, int(const char*)),
    CW_WATCH(16, putchar, int(int)),
    CW_WATCH(17, fputs, int(const char*, FILE*)),
    CW_WATCH(18, fputc, int(int, FILE*)),
    CW_WATCH(19, fwrite, size_t(const void*, size_t, size_t, FILE*)),
    CW_WATCH(20, fflush, int(FILE*)),
    CW_WATCH(21, fopen, FILE*(const char*, const char*)),
    CW_WATCH(22, fclose, int(FILE*)),
    CW_WATCH(23, vprintf, int(const char*, va_list)),
    CW_WATCH(24, vfprintf, int(FILE*, const char*, va_list)),
    CW_WATCH(25, exit, void(int)),
    {"printf", reinterpret_cast<void*>(&print_stand_in), nullptr},
    {"fprintf", reinterpret_cast<void*>(&fprint_stand_in), nullptr},
    {"__printf_chk", reinterpret_cast<void*>(&print_checked_stand_in), nullptr},
    {"__fprintf_chk", reinterpret_cast<void*>(&fprint_checked_stand_in), nullptr},
};
#undef CW_WATCH

// By the address, which is quick; by the name only where there is none yet.
template <class Is>
const Entry* find(Is is) noexcept {
  for (const Entry& each : table)
    if (each.real != nullptr && is(each)) return &each;
  return nullptr;
}

}  // namespace

void set() noexcept {
  for (Entry& each : table) each.real = dlsym(RTLD_DEFAULT, each.name);
  os::change_imports(
      [](std::string_view name, void* now, bool unbound, void*) noexcept -> void* {
        // Another function of that name, or an older version of it, is left alone: its way back would not be known.
        const Entry* entry = find([&](const Entry& each) { return unbound ? name == each.name : now == each.real; });
        return entry != nullptr ? entry->stand_in : nullptr;
      },
      nullptr);
}

void take_back() noexcept {
  os::change_imports(
      [](std::string_view, void* now, bool, void*) noexcept -> void* {
        const Entry* entry = find([&](const Entry& each) { return now == each.stand_in; });
        return entry != nullptr ? entry->real : nullptr;
      },
      nullptr);
}

}  // namespace causeway::world::trap
