// SPDX-License-Identifier: MIT
//
// Runs the cases: without an argument all of them, else the named ones. Each in a child process, with a time limit, so that a hang is a
// failure of one case and not of the whole. A child starts this program anew (exec), so that no case sees threads or handlers of another.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cpp/death/death.hpp"

namespace {

using death::Case;

constexpr int kLimitMs = 60'000;  // the slowest case takes 7 s by itself; a loaded machine and a sanitizer make that several times longer

struct End {
  int signal = 0, exit_status = -1;
  bool hung = false;
  std::string text;
};

// The path of this program: under an emulator /proc/self/exe means the emulator to whom it starts.
const char* program_path() {
  static char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return "/proc/self/exe";
  path[n] = '\0';
  return path;
}

End run(const Case& test, const char* self) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(fds[1], STDERR_FILENO);
    // A program for another CPU is started by its emulator.
    if (const char* wrapper = getenv("CAUSEWAY_EXE_WRAPPER"))
      execlp(wrapper, wrapper, self, "--child", test.name, static_cast<char*>(nullptr));
    execl(self, self, "--child", test.name, static_cast<char*>(nullptr));
    _exit(98);
  }
  close(fds[1]);
  End end;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLimitMs);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - std::chrono::steady_clock::now()).count();
    pollfd entry{fds[0], POLLIN, 0};
    if (left <= 0 || poll(&entry, 1, static_cast<int>(left)) == 0) {
      end.hung = true;
      kill(child, SIGKILL);
      break;
    }
    char piece[4096];
    const ssize_t n = read(fds[0], piece, sizeof piece);
    if (n <= 0) break;
    end.text.append(piece, static_cast<size_t>(n));
  }
  close(fds[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  return end;
}

bool judge(const Case& test, const End& end) {
  bool good = true;
  const auto complain = [&](const std::string& what) {
    std::printf("  %s\n", what.c_str());
    good = false;
  };
  if (end.hung) complain("it hung");
  else if (end.signal != test.expected.signal)
    complain("ended by signal " + std::to_string(end.signal) + " (exit status " + std::to_string(end.exit_status) + "), expected signal " +
             std::to_string(test.expected.signal));
  else if (test.expected.signal == 0 && end.exit_status != test.expected.exit_status)
    complain("exit status " + std::to_string(end.exit_status) + ", expected " + std::to_string(test.expected.exit_status));
  size_t from = 0;
  for (const std::string& text : test.expected.printed) {
    const size_t at = end.text.find(text, from);
    if (at == std::string::npos) complain("not printed, or not in this order: " + text);
    else from = at + text.size();
  }
  for (const std::string& text : test.expected.not_printed)
    if (end.text.find(text) != std::string::npos) complain("printed, though it must not be: " + text);
  std::string complaint;
  if (test.expected.judge != nullptr && !test.expected.judge(end.text, &complaint)) complain(complaint);
  if (!good) std::printf("--- its stderr\n%s---\n", end.text.c_str());
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Case> all;
  for (const auto* list : {&death::overflow_cases(),     &death::deadlock_cases(),  &death::fatal_cases(),     &death::fault_cases(),
                           &death::hog_cases(),          &death::stall_cases(),     &death::poison_cases(),    &death::destroyed_cases(),
                           &death::stack_bounds_cases(), &death::crash_cases(),     &death::crash_end_cases(), &death::crossing_cases(),
                           &death::long_call_cases(),    &death::traceback_cases(), &death::unwinding_cases(), &death::closed_cases(),
                           &death::process_cases(),      &death::exit_cases(),      &death::world_cases(),     &death::skipped_cases(),
                           &death::forked_cases()})
    all.insert(all.end(), list->begin(), list->end());
  if (argc == 3 && std::strcmp(argv[1], "--child") == 0) {
    for (const Case& test : all) {
      if (std::strcmp(test.name, argv[2]) != 0) continue;
      test.run();
      return 0;
    }
    return 97;
  }
  // An emulator has threads and handlers of its own, so the proof that a deadlock report needs is never complete; and a line of its own for a
  // program that crashes, which waits for room in stderr: tests/skips.
  const bool emulated = getenv("CAUSEWAY_EXE_WRAPPER") != nullptr;
  // tests/skips
#if defined(CW_CPU_PORTABLE)
  const std::vector<std::string_view> unable = {"call_out_resumed_twice", "exit_in_a_callback_after_an_exception_of_c"};
#else
  const std::vector<std::string_view> unable;
#endif
  int ran = 0, failed = 0, skipped = 0;
  for (const Case& test : all) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted |= std::strcmp(argv[i], test.name) == 0;
    if (!wanted) continue;
    if (std::find(unable.begin(), unable.end(), test.name) != unable.end() ||
        (emulated && (std::strncmp(test.name, "deadlock_", 9) == 0 || std::strcmp(test.name, "crash_with_stderr_full") == 0))) {
      std::printf("skip   %s\n", test.name);
      ++skipped;
      continue;
    }
    ++ran;
    const bool good = judge(test, run(test, program_path()));
    std::printf("%s %s\n", good ? "ok    " : "FAILED", test.name);
    std::fflush(stdout);
    failed += !good;
  }
  std::printf("test cases: %d | %d passed | %d failed | %d skipped\n", ran, ran - failed, failed, skipped);
  return ran == 0 || failed != 0;
}
