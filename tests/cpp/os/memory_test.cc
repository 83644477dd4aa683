// SPDX-License-Identifier: MIT
//
// Guards: maps that are not what they are said to be. Faults are looked for with a read through the kernel, which answers instead of faulting.
#include "runtime/os/memory.hpp"

#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "runtime/os/os.hpp"

using namespace causeway;

namespace {

bool readable(const void* at) {
  char byte;
  return os::read_memory(&byte, at, 1);
}

}  // namespace

TEST_CASE("pages are a power of two") {
  const size_t page = os::page_size();
  CHECK(page >= 4096);
  CHECK((page & (page - 1)) == 0);
}

TEST_CASE("a reserved map is zero, writable, and gone after unmap") {
  const size_t page = os::page_size();
  auto* at = static_cast<unsigned char*>(os::map_reserve(4 * page));
  REQUIRE(at != nullptr);
  CHECK(reinterpret_cast<uintptr_t>(at) % page == 0);
  CHECK(at[0] == 0);
  at[4 * page - 1] = 7;
  CHECK(os::unmap(at, page));  // a part of it
  CHECK_FALSE(readable(at));
  CHECK(readable(at + page));
  CHECK(at[4 * page - 1] == 7);
  CHECK(os::unmap(at + page, 3 * page));
  CHECK_FALSE(readable(at + page));
}

TEST_CASE("a map that cannot be leaves errno: ENOMEM") {
  errno = 0;
  CHECK(os::map_reserve(size_t{1} << 62) == nullptr);
  CHECK(errno == ENOMEM);
}

TEST_CASE("a terabyte is reserved without memory behind it") {  // more than any test machine has, less than the address space
  void* at = os::map_reserve(size_t{1} << 40);
#if CW_ASAN || CW_TSAN
  if (at == nullptr) return;  // the sanitizer's shadow may leave no room
#endif
  REQUIRE(at != nullptr);
  CHECK(os::advise_no_huge(at, size_t{1} << 40));
  CHECK(os::unmap(at, size_t{1} << 40));
}

TEST_CASE("advise_dontneed makes the pages zero again") {
  const size_t page = os::page_size();
  auto* at = static_cast<unsigned char*>(os::map_reserve(2 * page));
  REQUIRE(at != nullptr);
  std::memset(at, 9, 2 * page);
  CHECK(os::advise_dontneed(at, page));
  CHECK(at[0] == 0);
  CHECK(at[page] == 9);
  os::unmap(at, 2 * page);
}

TEST_CASE("protect_none and, where the kernel has it, a light guard refuse the page and only it") {
  const size_t page = os::page_size();
  auto* at = static_cast<unsigned char*>(os::map_reserve(4 * page));
  REQUIRE(at != nullptr);
  CHECK(os::protect_none(at, page));
  CHECK_FALSE(readable(at));
  CHECK(readable(at + page));
  errno = 0;
  if (os::guard_install(at + 2 * page, page)) {
    const bool emulated = readable(at + 2 * page);  // qemu-user says yes and does nothing
    if (!emulated) {
      CHECK(readable(at + page));
      CHECK(readable(at + 3 * page));
      CHECK(os::advise_dontneed(at + page, 3 * page));
      CHECK_FALSE(readable(at + 2 * page));  // the guard stays
      CHECK(os::guard_remove(at + 2 * page, page));
      CHECK(readable(at + 2 * page));
    }
  } else {
    CHECK(errno == EINVAL);  // a kernel before 6.13
  }
  os::unmap(at, 4 * page);
}

namespace {

bool copies_what_is_there_and_nothing_else() {
  const size_t page = os::page_size();
  auto* at = static_cast<unsigned char*>(os::map_reserve(4 * page));
  if (at == nullptr) return false;
  std::memcpy(at + page - 4, "abcdefgh", 8);
  std::memset(at + 2 * page, 7, page);
  char out[9] = {};
  bool good = os::read_memory(out, at + page - 4, 8) && std::strcmp(out, "abcdefgh") == 0;
  std::vector<unsigned char> all(4 * page);
  good = good && os::read_memory(all.data(), at, all.size()) && std::memcmp(all.data(), at, all.size()) == 0;
  os::protect_none(at + page, page);
  good = good && !os::read_memory(out, at + page - 4, 8);  // half of it is not readable
  good = good && !os::read_memory(all.data(), at, all.size());
  good = good && !os::read_memory(out, nullptr, 1);
  os::unmap(at, 4 * page);
  return good;
}

// As a sandbox does.
bool refuse_process_vm_readv() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof code / sizeof code[0], code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool is_refused() {
  char from = 0, to = 0;
  iovec local{&to, 1}, remote{&from, 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1;
}

}  // namespace

TEST_CASE("read_memory copies what is there and refuses what is not, whole") { CHECK(copies_what_is_there_and_nothing_else()); }

TEST_CASE("the same where process_vm_readv is refused, and no descriptor is left") {
  const pid_t child = fork();
  if (child == 0) {
    if (!is_refused() && !refuse_process_vm_readv()) _exit(2);
    if (!is_refused()) _exit(3);
    const int before = dup(0);
    close(before);
    if (!copies_what_is_there_and_nothing_else()) _exit(4);
    const int after = dup(0);
    _exit(after == before ? 0 : 5);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
