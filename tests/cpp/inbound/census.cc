// SPDX-License-Identifier: MIT
#include "tests/cpp/inbound/census.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

extern "C" {
long cw_test_trusted_syscall(long number, long a, long b, long c, long d, long e, long f);
extern const char cw_test_trusted_return[];
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t n, size_t bytes);
void* __libc_realloc(void* p, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
}

namespace census {
namespace {

// The handlers run on the thread that they count for.
struct Counter {
  volatile bool on = false;
  volatile uint64_t system_calls = 0, allocations = 0;
  volatile long first_system_call = -1;
};
thread_local Counter counter;

[[gnu::noinline]] Counter& mine() {
  asm volatile("" : : : "memory");
  return counter;
}

void count_allocation() {
  Counter& c = mine();
  if (c.on) c.allocations = c.allocations + 1;
}

void on_system_call(int, siginfo_t* info, void* context) {
  Counter& c = mine();
  if (c.on) {
    if (c.system_calls == 0) c.first_system_call = info->si_syscall;
    c.system_calls = c.system_calls + 1;
  }
  mcontext_t& m = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  const greg_t* r = m.gregs;
  m.gregs[REG_RAX] = cw_test_trusted_syscall(info->si_syscall, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
#elif defined(__aarch64__)
  const auto r = [&](int i) { return static_cast<long>(m.regs[i]); };
  m.regs[0] = static_cast<unsigned long long>(cw_test_trusted_syscall(info->si_syscall, r(0), r(1), r(2), r(3), r(4), r(5)));
#else
#error "tests/cpp/inbound/census.cc needs the registers of a system call on this CPU"
#endif
}

}  // namespace

bool watch_this_thread() {
  struct sigaction action{};
  action.sa_sigaction = &on_system_call;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;
  const auto back = reinterpret_cast<uintptr_t>(cw_test_trusted_return);
  const auto low = static_cast<uint32_t>(back), high = static_cast<uint32_t>(back >> 32);
  // A new thread would begin inside the handler; and these are not what is counted here.
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 8, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 7, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 5, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer) + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{sizeof program / sizeof program[0], program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

void begin() {
  Counter& c = mine();
  c.system_calls = 0;
  c.allocations = 0;
  c.first_system_call = -1;
  c.on = true;
}

Counts end() {
  Counter& c = mine();
  c.on = false;
  return {c.system_calls, c.allocations, c.first_system_call};
}

// --- step by step -------------------------------------------------------------------------------------------------------------

#if defined(__x86_64__)

namespace {

Steps steps;
constexpr greg_t kTrapFlag = 0x100;

// Does the instruction lock a cache line? A lock prefix, or an exchange with memory. Prefixes, then perhaps REX, then the opcode.
bool locks(const unsigned char* at) {
  bool prefix = false;
  for (;; ++at) {
    if (*at == 0xf0) prefix = true;
    else if (*at != 0x66 && *at != 0x67 && *at != 0xf2 && *at != 0xf3 && *at != 0x2e && *at != 0x36 && *at != 0x3e && *at != 0x26 &&
             *at != 0x64 && *at != 0x65)
      break;
  }
  if ((*at & 0xf0) == 0x40) ++at;
  const bool exchange = (*at == 0x86 || *at == 0x87) && (at[1] & 0xc0) != 0xc0;
  return prefix || exchange;
}

void on_step(int, siginfo_t*, void* context) {
  const auto at = static_cast<uintptr_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
  const auto* code = reinterpret_cast<const unsigned char*>(at);
  ++steps.instructions;
  if (code[0] == 0x0f && code[1] == 0x05) ++steps.system_calls;
  if (!locks(code)) return;
  if (steps.locked == 0) steps.first_locked = at;
  ++steps.locked;
}

[[gnu::noinline]] void set_trap_flag() { asm volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "r"(uint64_t{kTrapFlag}) : "memory", "cc"); }
[[gnu::noinline]] void clear_trap_flag() {
  asm volatile("pushfq\n\tandq %0, (%%rsp)\n\tpopfq" : : "r"(~uint64_t{kTrapFlag}) : "memory", "cc");
}

}  // namespace

Steps step(void (*fn)(void* arg), void* arg) {
  struct sigaction action{}, before{};
  action.sa_sigaction = &on_step;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, &before);
  steps = Steps{};
  set_trap_flag();
  fn(arg);
  clear_trap_flag();
  sigaction(SIGTRAP, &before, nullptr);
  return steps;
}

#else

Steps step(void (*)(void* arg), void*) { return {}; }

#endif

}  // namespace census

// --- memory: the C library's names, over its own inner ones -------------------------------------------------------------------

extern "C" {

void* malloc(size_t bytes) {
  census::count_allocation();
  return __libc_malloc(bytes);
}
void* calloc(size_t n, size_t bytes) {
  census::count_allocation();
  return __libc_calloc(n, bytes);
}
void* realloc(void* p, size_t bytes) {
  census::count_allocation();
  return __libc_realloc(p, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  census::count_allocation();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

}  // extern "C"
