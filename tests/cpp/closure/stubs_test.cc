// SPDX-License-Identifier: MIT
//
// The pool of code pointers: it grows, never by a page that is writable and executable, and is used again in the promised order. FAULTS 49, 50.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "arch/stubs.h"
#include "causeway/causeway.hpp"
#include "tests/cpp/inbound/support.hpp"

using causeway::callback;
namespace on_exception = causeway::on_exception;
using namespace crossing_test;  // NOLINT(google-build-using-namespace): the tests' own tools

namespace {

constexpr size_t kTable = CW_ARCH_STUBS;

using Cb = callback<int(int)>;

std::unique_ptr<Cb> make(int n) {
  return std::make_unique<Cb>([n](int m) { return n + m; }, on_exception::return_value(-n));
}

// Mappings that are writable and executable at once.
int write_and_execute() {
  int found = 0;
  std::FILE* file = std::fopen("/proc/self/maps", "re");
  REQUIRE(file != nullptr);
  char line[4400];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    char flags[8] = "";
    if (std::sscanf(line, "%*s %7s", flags) == 1 && std::strchr(flags, 'w') != nullptr && std::strchr(flags, 'x') != nullptr) ++found;
  }
  std::fclose(file);
  return found;
}

// From here on the kernel refuses to map code.
void refuse_code() {
  constexpr auto kProtection = static_cast<uint32_t>(offsetof(seccomp_data, args[2]));  // little endian: the low half first
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kProtection),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof filter / sizeof filter[0], filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(77);
}

}  // namespace

TEST_CASE("the pool grows past its first table, each code pointer has its own state, and no page is ever writable and executable") {
  const Runtime runtime{2};
  const size_t count = few() ? 2 * kTable + 3 : 20 * kTable + 3;
  const int before = write_and_execute();
  std::vector<std::unique_ptr<Cb>> callbacks;
  std::set<int (*)(int)> codes;
  int maps_wrong = 0;
  for (size_t i = 0; i < count; ++i) {
    callbacks.push_back(make(static_cast<int>(i)));
    codes.insert(callbacks.back()->code());
    if (i % kTable == 0) maps_wrong += write_and_execute() != before;
  }
  CHECK(maps_wrong == 0);
  CHECK(codes.size() == count);
  int wrong = 0;
  for (size_t i = 0; i < count; ++i) wrong += callbacks[i]->code()(7) != static_cast<int>(i) + 7;
  CHECK(wrong == 0);
  callbacks.clear();
  CHECK(stats().callbacks_live == 0);
}

TEST_CASE("a million made and closed keep memory flat") {
  const Runtime runtime{2};
  const int count = few() ? 3'000 : 1'000'000;
  constexpr int kWarm = 1'500;  // callbacks, after which every table and list has its size
  for (int i = 0; i < kWarm; ++i) CHECK_UNARY(make(i)->code()(1) == i + 1);
  const auto maps = count_maps();
  const auto bytes = mallinfo2().uordblks;  // 0 in the sanitizers' builds
  for (int i = 0; i < count / 2; ++i) CHECK_UNARY(make(i)->code()(1) == i + 1);
  for (int i = 0; i < count / 2; ++i) make(i);                  // never called
  CHECK(eventually([&] { return count_maps() <= maps + 2; }));  // malloc's own; for a moment also those of a worker that comes or goes
  CHECK(mallinfo2().uordblks <= bytes + (64 << 10));
  CHECK(stats().callbacks_live == 0);
}

TEST_CASE("a closed code pointer is used again as late as can be, and for its own signature first") {
  const Runtime runtime{2};
  // What is left of the tables, so that from here on each one is an old one.
  std::vector<std::unique_ptr<Cb>> rest;
  const auto mine = [](int n) { return make(n); };
  std::vector<int (*)(int)> dead;
  std::vector<callback<long(long)>::pointer> others;
  {
    std::vector<std::unique_ptr<Cb>> some;
    std::vector<std::unique_ptr<callback<long(long)>>> other;
    for (int i = 0; i < 20; ++i) {
      some.push_back(mine(i + 1));
      dead.push_back(some.back()->code());
      other.push_back(std::make_unique<callback<long(long)>>([](long n) { return n; }, on_exception::return_value(-9L)));
      others.push_back(other.back()->code());
    }
    for (auto& each : some) each = nullptr;  // in this order
  }
  int wrong = 0;
  for (size_t i = 0; i < dead.size(); ++i) wrong += dead[i](5) != -static_cast<int>(i + 1);
  CHECK(wrong == 0);  // nobody has used them yet
  // Takes callbacks of the signature until the first of ours comes back: then the others follow in the order of their death.
  std::vector<int (*)(int)> order;
  for (size_t i = 0; i < 100'000 && order.size() < dead.size(); ++i) {
    auto cb = mine(0);
    for (auto* const each : dead)
      if (cb->code() == each) order.push_back(each);
    rest.push_back(std::move(cb));
  }
  CHECK(order == dead);
  wrong = 0;
  for (auto* const each : others) wrong += each(5) != -9;
  CHECK(wrong == 0);  // of another signature: untouched
}

// Found by tests/fuzz/callback_fuzz.cc: a refused creation had taken the slot of the one that was dead for longest.
TEST_CASE("a creation that a closed owner refuses leaves the closed callbacks what they give") {
  Runtime runtime(1);
  const auto nothing = [](void*, void**, void*) {};
  const auto close = [](void*, void**, void* owner) {
    std::thread([owner] { CHECK(cw_owner_close(*static_cast<cw_owner*>(owner), 0) == CW_E_TIMEOUT); }).join();
  };
  cw_callback_options options;
  CHECK(cw_callback_options_init(&options) == CW_OK);
  cw_callback its = 0, handle = 0;
  void (*code)(void) = nullptr;
  cw_owner owner = 0;
  CHECK(cw_owner_create("o", &owner) == CW_OK);
  options.owner = owner;
  CHECK(cw_callback_create("void()", close, &owner, &options, &its) == CW_OK);
  CHECK(cw_callback_code(its, &code) == CW_OK);
  code();  // the owner is closed, with a handle that is good still

  const short seven = 7;
  options.owner = 0;
  options.fallback = &seven;
  std::set<void (*)(void)> dead;
  for (size_t i = 0; i < 2 * kTable; ++i) {  // in the end each one is an old one
    REQUIRE(cw_callback_create("i16(u8, u16)", nothing, nullptr, &options, &handle) == CW_OK);
    REQUIRE(cw_callback_code(handle, &code) == CW_OK);
    REQUIRE(cw_callback_close_and_wait(handle, kLimitNs) == CW_OK);
    dead.insert(code);
  }
  options.owner = owner;
  options.fallback = nullptr;
  CHECK(cw_callback_create("i16(u8, u16)", nothing, nullptr, &options, &handle) == CW_E_CLOSED);
  size_t wrong = 0;
  for (auto* const each : dead) wrong += reinterpret_cast<short (*)(unsigned char, unsigned short)>(each)(1, 2) != 7;
  CHECK(wrong == 0);
  CHECK(cw_callback_close_and_wait(its, kLimitNs) == CW_OK);
  CHECK(cw_owner_close(owner, kLimitNs) == CW_OK);
}

TEST_CASE("where the system refuses code, the first table serves, and then it is CW_E_EXECMEM with a reason") {
  if (CW_TSAN) return;  // a child of a process with threads
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    refuse_code();
    std::vector<std::unique_ptr<Cb>> callbacks;
    cw_status status = CW_OK;
    std::string why;
    try {
      for (size_t i = 0; i < 100'000; ++i) callbacks.push_back(make(static_cast<int>(i)));
    } catch (const causeway::error& e) {
      status = e.status();
      why = e.what();
    }
    bool good = status == CW_E_EXECMEM && why.find("map no more code") != std::string::npos;
    good = good && callbacks.size() >= 1;
    const size_t had = callbacks.size();
    callbacks.pop_back();
    callbacks.push_back(make(1));  // a closed one is there again
    good = good && callbacks.size() == had;
    _exit(good ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  if (WEXITSTATUS(status) != 77) CHECK(WEXITSTATUS(status) == 0);
}
