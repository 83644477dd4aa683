// SPDX-License-Identifier: MIT
//
// The program that the debugger tests look at: green threads and callbacks that stand still in functions whose names the tests know.
//
//   reader      parked in gdb_reader                                    sleeper   asleep in gdb_sleeper
//   caller      in C: gdb_caller -> gdb_c_waits
//   outer       C, green, C, green: gdb_outer -> gdb_c_between -> the callback gdb_inner -> gdb_c_innermost, which reaches gdb_stop_here
//   a host's thread in a callback that is parked in place: gdb_host_parks -> gdb_parks
//   a host's coroutine that is suspended in C below a callback: gdb_host_coroutine -> gdb_suspends -> gdb_c_suspends; its thread is in gdb_host_idle
//
// When all of them stand still main comes to gdb_ready(), prints "ready" and waits for the end of its input.
// target spin: gdb_c_innermost computes for a while instead, for profilers, and the program ends.
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <causeway/causeway.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::atomic<int> arrived{0};
bool spins = false;
int never[2];  // a pipe that nobody writes to
cw_channel channel;
cw_event event;
ucontext_t host_context, coroutine_context;
std::atomic<uint64_t> sink{0};

void must(bool true_here, const char* what) {
  if (true_here) return;
  std::fprintf(stderr, "target: %s\n", what);
  std::_Exit(2);
}

}  // namespace

extern "C" {

#if defined(__clang__)
#define CW_KEEP [[gnu::noinline]]
#else
#define CW_KEEP [[gnu::noipa]]
#endif
#define CW_STAY asm volatile("" ::: "memory")  // no tail call: the frame is to be seen

CW_KEEP void gdb_stop_here() { CW_STAY; }
CW_KEEP void gdb_ready() { CW_STAY; }

CW_KEEP void gdb_wait_for_ever() {
  char byte;
  arrived++;
  must(read(never[0], &byte, 1) == 0, "a read that never ends has ended");
  CW_STAY;
}

CW_KEEP void gdb_reader(void*) {
  volatile int gdb_local = 4711;
  char item;
  arrived++;
  cw_channel_receive(channel, &item, CW_FOREVER);
  gdb_local = gdb_local + 1;
}

CW_KEEP void gdb_sleeper(void*) {
  arrived++;
  cw_green_sleep(UINT64_C(3600) * 1000000000);
  CW_STAY;
}

CW_KEEP void gdb_c_waits(void*) {
  gdb_wait_for_ever();
  CW_STAY;
}

CW_KEEP void gdb_caller(void*) {
  volatile int gdb_local = 4712;
  cw_call(CW_BLOCKING, gdb_c_waits, nullptr);
  gdb_local = gdb_local + 1;
}

CW_KEEP void gdb_c_innermost(long rounds) {
  gdb_stop_here();
  if (!spins) gdb_wait_for_ever();
  uint64_t x = 1;
  for (long i = 0; i < rounds; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(x));  // each round is made
  }
  sink = x;
  CW_STAY;
}
}

// Not of the C linkage: entry<> takes functions of both.
CW_KEEP int gdb_inner(int rounds) {
  volatile int gdb_local = 4713;
  causeway::call(gdb_c_innermost, long{rounds});
  return gdb_local;
}

extern "C" {

CW_KEEP int gdb_c_between(int (*callback)(int), int rounds) {
  const int answer = callback(rounds);
  CW_STAY;
  return answer;
}

CW_KEEP void gdb_outer(void*) {
  volatile int gdb_local = 4714;
  causeway::call(gdb_c_between, causeway::entry<&gdb_inner>, 1 << 30);
  gdb_local = gdb_local + 1;
}

CW_KEEP void gdb_parks(void*) {
  arrived++;
  cw_event_wait(event, CW_FOREVER);
  CW_STAY;
}

CW_KEEP void* gdb_host_parks(void*) {
  cw_enter(gdb_parks, nullptr);
  CW_STAY;
  return nullptr;
}

CW_KEEP void gdb_c_suspends(void*) {
  swapcontext(&coroutine_context, &host_context);
  CW_STAY;
}

CW_KEEP void gdb_suspends(void*) {
  volatile int gdb_local = 4715;
  cw_call(CW_QUICK, gdb_c_suspends, nullptr);
  gdb_local = gdb_local + 1;
}

CW_KEEP void gdb_host_coroutine() {
  cw_enter(gdb_suspends, nullptr);
  CW_STAY;
}

CW_KEEP void* gdb_host_idle(void*) {
  static char stack[256 << 10];
  getcontext(&coroutine_context);
  coroutine_context.uc_stack.ss_sp = stack;
  coroutine_context.uc_stack.ss_size = sizeof stack;
  coroutine_context.uc_link = nullptr;
  makecontext(&coroutine_context, gdb_host_coroutine, 0);
  swapcontext(&host_context, &coroutine_context);
  gdb_wait_for_ever();
  return nullptr;
}
}

namespace {

void spawn(cw_fn fn, const char* name) {
  cw_spawn_options options;
  cw_spawn_options_init(&options);
  options.name = name;
  must(cw_green_spawn(fn, nullptr, &options, nullptr) == CW_OK, "a green thread cannot be spawned");
}

void thread(void* (*fn)(void*)) {
  pthread_t made;
  must(pthread_create(&made, nullptr, fn, nullptr) == 0, "a thread cannot be made");
  pthread_detach(made);
}

std::string slurp(const std::string& path) {
  std::string text(4096, '\0');
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t n = read(file, text.data(), text.size());
  close(file);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

// How often the other threads have gone to sleep so far, if all of them are asleep; else empty.
std::string all_asleep() {
  std::string switches;
  DIR* tasks = opendir("/proc/self/task");
  must(tasks != nullptr, "no /proc");
  const std::string self = std::to_string(syscall(SYS_gettid));
  bool asleep = true;
  while (const dirent* task = readdir(tasks)) {
    if (task->d_name[0] == '.' || task->d_name == self) continue;
    const std::string status = slurp(std::string("/proc/self/task/") + task->d_name + "/status");
    if (status.find("\nState:\tS") == std::string::npos) asleep = false;
    const size_t at = status.find("\nvoluntary_ctxt_switches:");
    if (at != std::string::npos) switches += status.substr(at) + task->d_name;
  }
  closedir(tasks);
  return asleep ? switches : std::string();
}

// A debugger's core has every page of a mapping, touched or not: leaves out the pages of reserved stacks that are not there.
void keep_cores_small() {
  constexpr size_t kPiece = 1 << 20, kPages = kPiece / 4096;
  FILE* file = std::fopen("/proc/self/maps", "re");
  must(file != nullptr, "no /proc");
  for (unsigned long low = 0, high = 0; std::fscanf(file, "%lx-%lx%*[^\n]", &low, &high) == 2;) {
    if (high - low < 4 * kPiece) continue;
    for (unsigned long at = low; at + kPiece <= high; at += kPiece) {
      unsigned char there[kPages] = {};
      auto* piece = reinterpret_cast<void*>(at);
      if (mincore(piece, kPiece, there) == 0 && std::memchr(there, 1, kPages) == nullptr) madvise(piece, kPiece, MADV_DONTDUMP);
    }
  }
  std::fclose(file);
}

}  // namespace

int main(int argc, char** argv) {
  spins = argc > 1 && std::strcmp(argv[1], "spin") == 0;
  mallopt(M_ARENA_MAX, 1);  // 64 MiB of address space each
  must(pipe2(never, O_CLOEXEC) == 0, "no pipe");
  must(cw_runtime_start(nullptr) == CW_OK, "the runtime does not start");
  if (spins) {
    cw_green outer;
    must(cw_green_spawn(gdb_outer, nullptr, nullptr, &outer) == CW_OK, "a green thread cannot be spawned");
    cw_green_join(outer, CW_FOREVER);
    return 0;
  }
  must(cw_channel_create(1, 0, &channel) == CW_OK && cw_event_create(&event) == CW_OK, "nothing to wait at");
  spawn(gdb_reader, "reader");
  spawn(gdb_sleeper, "sleeper");
  spawn(gdb_caller, "caller");
  spawn(gdb_outer, "outer");
  thread(gdb_host_parks);
  thread(gdb_host_idle);

  // All have arrived, and nobody has moved between two looks.
  std::string before;
  for (;;) {
    const std::string now = arrived == 6 ? all_asleep() : std::string();
    if (!now.empty() && now == before) break;
    before = now;
    usleep(20000);
  }
  keep_cores_small();
  gdb_ready();
  std::puts("ready");
  std::fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {}
  std::_Exit(0);
}
