// SPDX-License-Identifier: MIT
//
// nested-restore: whatever happens in calls in below a call out, what that one saved (sp, pc, the bounds of its stack) and the anchor that names it
// are the same afterwards: at every depth, on every way out of the callback. And its own exit accepts its frame: the program ends well.
//
// Risk: cgo's fault of 2014: a nested callback overwrites the saved state of the call around it, and the exit goes on with that.
//
//   nested_restore                 exit status 0, or what was not put back
//   nested_restore --expect-death  the same in a child, which must die of call-frame-invalid: for a build in which the values are not put
//                                  back on purpose. It proves that the check at the exit is there, and that this program sees the fault.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

#include "runtime/sched/sched.hpp"
#define DOCTEST_CONFIG_IMPLEMENT  // the shared helpers know of doctest; the checks here are this file's own
#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::sched::G;
using causeway::sched::M;

std::atomic<int> wrong{0}, looked{0};

// What belongs to g's call out that is in progress; asked for by its C code.
struct Saved {
  uintptr_t sp, pc, low, high, anchor;
  uint64_t id;
  bool operator==(const Saved&) const = default;
};

Saved saved_of(const G* g) {
  const M* m = causeway::sched::foreign::bound_m(*causeway::os::thread_words());
  return {g->out.sp.load(),     g->out.pc, reinterpret_cast<uintptr_t>(g->stack.low), reinterpret_cast<uintptr_t>(g->stack.high),
          m->gate.own_anchor(), g->id};
}

bool consistent(const Saved& s, const G* g) {
  return s.sp >= s.low && s.sp < s.high && s.pc != 0 && s.anchor == reinterpret_cast<uintptr_t>(&g->out);
}

void report(const char* way, int depth, const Saved& before, const Saved& after) {
  ++wrong;
  std::printf("depth %d, %s: sp %zx -> %zx, pc %zx -> %zx, bounds [%zx, %zx] -> [%zx, %zx], anchor %zx -> %zx\n", depth, way, before.sp,
              after.sp, before.pc, after.pc, before.low, before.high, after.low, after.high, before.anchor, after.anchor);
}

int throws(int) { throw std::runtime_error("a way out"); }

void suspends(Coroutine& self) {
  enter([&] { causeway::call([&] { self.suspend(); }); });
}

struct Way {
  const char* name;
  void (*take)();
  // What a host returns out of order is no longer nested, so the anchor that it leaves may name none of them; the exit finds its own call.
  bool in_order = true;
};

const Way kWays[] = {
    {"return", [] { enter([] {}); }},
    {"return after a wait", [] { enter([] { causeway::this_green::sleep_for(1us); }); }},
    {"an exception that cw_enter answers",
     [] {
       if (enter([] { throw 1; }) != CW_E_PANIC) ++wrong;
     }},
    {"an exception that C++ code catches",
     [] {
       try {
         causeway::enter([] { throw std::runtime_error("x"); });
         ++wrong;
       } catch (const std::runtime_error&) {}
     }},
    {"an exception that becomes a value",
     [] {
       if (causeway::entry<&throws, causeway::on_exception::return_value(-3)>(1) != -3) ++wrong;
     }},
    {"an exception through calls further down",
     [] {
       try {
         causeway::enter([] { causeway::call([] { causeway::enter([] { throw std::logic_error("y"); }); }); });
         ++wrong;
       } catch (const std::logic_error&) {}
     }},
    {"a plain call in the callback", [] { enter([] { enter([] {}); }); }},
    {"calls out of each kind",
     [] {
       enter([] {
         call([] {}, CW_LEAF);
         call([] {}, CW_QUICK);
         call([] {}, CW_BLOCKING);
       });
     }},
    {"return with the thread locked", [] { enter([] { cw_thread_lock(); }); }},
    {"an exception with the thread locked",
     [] {
       const cw_status status = enter([] {
         cw_thread_lock();
         throw 2;
       });
       if (status != CW_E_PANIC) ++wrong;
     }},
    {"a wait that ends in a timeout",
     [] {
       enter([] {
         causeway::event never;
         if (never.wait_for(1us)) ++wrong;
       });
     }},
    {"a call that is refused",
     [] {
       if (cw_enter(nullptr, nullptr) != CW_E_INVALID) ++wrong;
     }},
    {"another stack",
     [] {
       Coroutine other([](Coroutine&) { enter([] { causeway::call([] { enter([] {}); }); }); });
       other.resume();
     }},
    {"two other stacks, returning in the other order",
     [] {
       Coroutine first(suspends), second(suspends);
       first.resume();
       second.resume();
       enter([] {});
       first.resume();
       second.resume();
       if (!first.done() || !second.done()) ++wrong;
     },
     false},
    {"another thread, where it ends",
     [] {
       Coroutine other(suspends);
       other.resume();
       on_thread([&] { other.resume(); });
       if (!other.done()) ++wrong;
     },
     false},
    {"another thread, where it began",
     [] {
       Coroutine other(suspends);
       on_thread([&] { other.resume(); });
       other.resume();
       if (!other.done()) ++wrong;
     },
     false},
};

const G* running() { return static_cast<M*>(this_m())->current; }

// Down to max_depth, where the call in is refused; a look at each level on the way back.
cw_status dig(int depth) {
  cw_status bottom = CW_OK;
  const cw_status status = enter([&] {
    const G* g = running();
    const cw_status out = call([&] {
      const Saved before = saved_of(g);
      bottom = dig(depth + 1);
      const Saved after = saved_of(g);
      if (!consistent(before, g) || after != before) report("the levels down to the limit", depth, before, after);
    });
    if (out != CW_OK) ++wrong;
  });
  return status != CW_OK ? status : bottom;
}

constexpr int kLevels = 20;

// On a green thread: a call out, and in its C code every way, then the next level, none of which may change anything. Blocking calls out in
// between: their M gets a processor back in each callback, and gives it away after it.
void play(int depth) {
  const G* g = running();
  const auto in_c = [&] {
    const Saved before = saved_of(g);
    if (!consistent(before, g)) report("before", depth, before, before);
    const auto look = [&](const char* way, bool in_order = true) {
      ++looked;
      Saved after = saved_of(g);
      if (!in_order) after.anchor = before.anchor;
      if (after != before) report(way, depth, before, after);
    };
    const auto take_all = [&](bool in_order) {
      for (const Way& way : kWays) {
        if (way.in_order != in_order) continue;
        way.take();
        look(way.name, in_order);
      }
    };
    take_all(true);
    if (depth < kLevels) {
      if (enter([&] { play(depth + 1); }) != CW_OK) ++wrong;
      look("the levels below");
    } else {
      if (dig(depth + 1) != CW_E_DEPTH) ++wrong;
      look("refused at the limit");
    }
    take_all(false);  // last: the anchor is what they left
  };
  if (call(in_c, depth % 3 == 0 ? CW_BLOCKING : CW_QUICK) != CW_OK) ++wrong;
}

int run() {
  causeway::options options;
  options.processors = 2;
  options.max_depth = kLevels + 10;
  cw_error_handler_set([](cw_status, const char*, const char*, void*) {}, nullptr);  // takes what the entry's exception says
  {
    causeway::runtime runtime(options);
    on_thread([] {
      if (enter([] { play(1); }) != CW_OK) ++wrong;
    });
    causeway::spawn([] { play(1); }).join();
    Coroutine host([](Coroutine&) { enter([] { play(kLevels - 1); }); }, size_t{1} << 20);
    host.resume();
  }
  const int expected = static_cast<int>(sizeof kWays / sizeof kWays[0] + 1) * (kLevels + kLevels + 2);
  if (looked != expected) std::printf("looked %d times, expected %d\n", looked.load(), expected);
  if (wrong != 0) std::printf("%d times something was wrong\n", wrong.load());
  return wrong != 0 || looked != expected;
}

// The message and its id, on stderr of a child.
int expect_death() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return 2;
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(fds[1], STDERR_FILENO);
    _exit(run());
  }
  close(fds[1]);
  std::string text;
  char piece[4096];
  for (ssize_t n; (n = read(fds[0], piece, sizeof piece)) > 0;) text.append(piece, static_cast<size_t>(n));
  close(fds[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const bool named =
      text.find("causeway: fatal: call-frame-invalid: exit of an outbound call: its frame is no longer valid") != std::string::npos;
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !named) {
    std::printf("did not die of it: status %d\n%s", status, text.c_str());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return argc >= 2 && std::strcmp(argv[1], "--expect-death") == 0 ? expect_death() : run(); }
