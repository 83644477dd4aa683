// SPDX-License-Identifier: MIT
//
// The echo server under measurement: a child process that prints `port N` and serves until it is killed; seen from outside only, so
// that every server is looked at in the same way.
#pragma once

#include <csignal>
#include <cstdint>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common/bench.hpp"

namespace bench {

class ServerProcess {
 public:
  // Starts `program row` on these CPUs and waits for its port. Ends the process with status 1 when the server does not come up.
  ServerProcess(const char* program, const std::string& row, const cpu_set_t& cpus) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) { give_up("pipe"); }
    pid_ = fork();
    if (pid_ < 0) { give_up("fork"); }
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when bench/run kills the load generator
      sched_setaffinity(0, sizeof cpus, &cpus);
      dup2(ends[1], STDOUT_FILENO);
      execl(program, program, row.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    std::FILE* lines = fdopen(ends[0], "r");
    unsigned port = 0;
    if (lines == nullptr || std::fscanf(lines, "port %u", &port) != 1) { give_up("the server named no port"); }
    std::fclose(lines);
    port_ = static_cast<std::uint16_t>(port);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  std::uint16_t port() const noexcept { return port_; }

  // Resident memory with its page tables.
  std::uint64_t resident_bytes() const { return status_bytes("VmRSS", pid_) + status_bytes("VmPTE", pid_); }

  // CPU time of all its threads, in the kernel's ticks of 10 ms.
  double cpu_ns() const {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid_);
    std::FILE* file = std::fopen(path, "re");
    unsigned long user = 0;
    unsigned long system = 0;
    if (file == nullptr) { return 0; }
    // The name in brackets is the first 15 bytes of a program's own name; ours have no space in it.
    const int found = std::fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    std::fclose(file);
    return found == 2 ? static_cast<double>(user + system) * 1e9 / static_cast<double>(sysconf(_SC_CLK_TCK)) : 0;
  }

 private:
  [[noreturn]] static void give_up(const char* what) {
    std::fprintf(stderr, "echo server: %s\n", what);
    std::exit(1);
  }

  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace bench
