// SPDX-License-Identifier: MIT
//
// A walk across crossings: managed, C and managed frames in one list, from the place itself and from outside.
//
// Risk: a walk that stops at a crossing, that leaves out frames of code without frame pointers, that takes a stack for another one, or that faults.
#include <csignal>
#include <cstdlib>

#include "tests/cpp/trace/steps.hpp"

namespace {

using namespace trace_test;
namespace trace = causeway::trace;

// The walk of the calling thread from here outwards. Needs: not on a green thread's stack
[[gnu::noinline]] void walk_here(List* to) {
  causeway::arch::Registers here;
  cw_arch_capture(&here);
  trace::walk_thread(trace::m_here(), Cursor{here.pc, here.sp, here.fp, 0, false}, to, {});
}

struct Level {
  int calls = 0;  // how many calls out and in are still to be nested
  List* list = nullptr;
};

void c_side(void* level);

[[gnu::noinline]] void managed_side(void* arg) {
  auto* level = static_cast<Level*>(arg);
  causeway::call([&] { host_outer(&c_side, level); });
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void c_side(void* arg) {
  auto* level = static_cast<Level*>(arg);
  if (level->calls-- == 0) walk_here(level->list);
  else CHECK(cw_enter(&managed_side, level) == CW_OK);
  asm volatile("" ::: "memory");
}

std::vector<std::string> expected(int calls, const char* last) {
  std::vector<std::string> all{"C c_side"};
  for (int i = 0; i <= calls; ++i) {
    for (const char* name : {"C host_inner", "C host_middle", "C host_outer", "> call out", "managed managed_side"}) all.emplace_back(name);
    if (i != calls) {
      all.emplace_back("< call in");
      all.emplace_back("C c_side");
    }
  }
  all.emplace_back(last);
  return all;
}

TEST_CASE("from C below three calls in one another, over code without frame pointers, to the first frame") {
  Runtime runtime(2);
  for (int calls : {0, 1, 3}) {
    List list;
    Level level{calls, &list};
    causeway::spawn([&] { managed_side(&level); }).join();
    const auto lines = plain(lines_of(list));
    INFO(joined(lines));
    CHECK(in_order(lines, expected(calls, "managed causeway::sched::")));
    CHECK(count_of(lines, "?") == 0);
    CHECK(!list.cut);
  }
}

[[gnu::noinline]] void main_of_thread(Level* level) {
  CHECK(cw_enter(&managed_side, level) == CW_OK);
  asm volatile("" ::: "memory");
}

TEST_CASE("from C below a callback of a host's thread, to the thread's first frame") {
  Runtime runtime(2);
  List list;
  Level level{2, &list};
  on_thread([&] { main_of_thread(&level); });
  const auto lines = plain(lines_of(list));
  INFO(joined(lines));
  CHECK(in_order(lines, expected(2, "< call in")));
  CHECK(in_order(lines, {"< call in", "< call in", "< call in", "C main_of_thread", "C crossing_test::HostThread::run"}));
  CHECK(count_of(lines, "C main_of_thread") == 1);
  CHECK(count_of(lines, "?") == 0);
}

TEST_CASE("a callback on a coroutine of the host's: its own frames, and not what it was resumed from") {
  Runtime runtime(2);
  List list;
  Level level{1, &list};
  on_thread([&] {
    Coroutine coroutine([&](Coroutine&) { main_of_thread(&level); });
    coroutine.resume();
  });
  const auto lines = plain(lines_of(list));
  INFO(joined(lines));
  CHECK(in_order(lines, expected(1, "C main_of_thread")));
  CHECK(!list.cut);
}

int compare(const void* a, const void* b) {
  if (List* list = *static_cast<List* const*>(a); list->n == 0) walk_here(list);
  return a < b ? -1 : 1;
}

[[gnu::noinline]] void sorts(List* list) {
  List* items[] = {list, list};
  qsort(items, 2, sizeof items[0], &compare);
  asm volatile("" ::: "memory");
}

TEST_CASE("frames of the C library, which has no frame pointers") {
  List list;
  sorts(&list);
  const auto lines = plain(lines_of(list));
  INFO(joined(lines));
  CHECK(in_order(lines, {"C walk_here", "C compare", "C sorts"}));
  CHECK(count_of(lines, "?") == 0);
}

List* in_handler;

void on_signal(int, siginfo_t*, void* context) {
  trace::walk_thread(trace::m_here(), trace::cursor_of(causeway::os::context_registers(context)), in_handler, {});
}

[[gnu::noinline]] void interrupted(void*) {
  raise(SIGUSR2);
  asm volatile("" ::: "memory");
}

TEST_CASE("from a signal's handler, in C code and in managed code") {
  Runtime runtime(2);
  const StackMemory memory(64 * 1024);
  List in_c, in_managed;
  on_thread([&] {
    stack_t alternate{};
    alternate.ss_sp = memory.low();
    alternate.ss_size = memory.bytes();
    stack_t before{};
    sigaltstack(&alternate, &before);
    struct sigaction action{}, old{};
    action.sa_sigaction = &on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGUSR2, &action, &old);
    in_handler = &in_c;
    CHECK(enter([&] { causeway::call([&] { host_outer(&interrupted, nullptr); }); }) == CW_OK);
    in_handler = &in_managed;
    CHECK(enter([&] { host_outer(&interrupted, nullptr); }) == CW_OK);
    sigaction(SIGUSR2, &old, nullptr);
    sigaltstack(&before, nullptr);
  });
  auto lines = plain(lines_of(in_c));
  {
    INFO(joined(lines));
    CHECK(in_order(lines, {"C interrupted", "C host_inner", "C host_middle", "C host_outer", "> call out", "< call in"}));
    CHECK(count_of(lines, "?") == 0);
  }
  lines = plain(lines_of(in_managed));
  INFO(joined(lines));
  CHECK(in_order(lines, {"managed interrupted", "managed host_inner", "managed host_middle", "managed host_outer", "< call in"}));
  CHECK(count_of(lines, "?") == 0);
}

[[gnu::noinline]] void walk_with_room(List* list, uint32_t room) {
  list->room = room;
  Level level{2, list};
  causeway::spawn([&] { managed_side(&level); }).join();
}

TEST_CASE("a list that is too short is cut, at any length") {
  Runtime runtime(2);
  List whole;
  walk_with_room(&whole, whole.room);
  CHECK(!whole.cut);
  // A thread's first calls have some frames more.
  for (uint32_t room = 0; room + 8 < whole.n; ++room) {
    List list;
    walk_with_room(&list, room);
    CHECK(list.n == room);
    CHECK(list.cut);
  }
}

std::vector<std::string> seen_stopped(const causeway::sched::G* g) {
  static List list;
  list.n = 0;
  list.cut = false;
  CHECK(cw_world_run(
            kLimitNs, [](void* of) { trace::walk_green(static_cast<const causeway::sched::G*>(of), &list, {}); },
            const_cast<causeway::sched::G*>(g)) == CW_OK);
  return plain(lines_of(list));
}

[[gnu::noinline]] void waits_on(causeway::channel<int>* channel) {
  static_cast<void>(channel->receive());
  asm volatile("" ::: "memory");
}

struct Waiter {
  causeway::channel<int>* channel;
  std::atomic<const causeway::sched::G*>* g;
};
void enters_and_waits(void* waiter) {
  const auto wait = [](void* arg) {
    const auto* w = static_cast<const Waiter*>(arg);
    *w->g = causeway::sched::current_green();
    waits_on(w->channel);
  };
  CHECK(cw_enter(wait, waiter) == CW_OK);
}

TEST_CASE("from outside: a green thread that is parked, and one asleep below a callback") {
  Runtime runtime(2);
  causeway::channel<int> channel;
  std::atomic<const causeway::sched::G*> parked{nullptr}, below_c{nullptr};
  auto task = causeway::spawn([&] {
    parked = causeway::sched::current_green();
    waits_on(&channel);
  });
  HostThread host([&] {
    enter([&] {
      causeway::call([&] {
        Waiter waiter{&channel, &below_c};
        host_outer(&enters_and_waits, &waiter);
      });
    });
  });
  CHECK(eventually([&] { return stats().greens_parked == 2; }));
  auto lines = seen_stopped(parked);
  {
    INFO(joined(lines));
    CHECK(in_order(lines, {"managed causeway::sched", "managed waits_on", "managed"}));
    CHECK(count_of(lines, "?") == 0);
  }
  lines = seen_stopped(below_c);
  {
    INFO(joined(lines));
    CHECK(in_order(lines, {"managed", "managed waits_on", "< call in", "C host_inner", "C host_middle", "C host_outer", "> call out",
                           "< call in", "C crossing_test::HostThread::run"}));
    CHECK(count_of(lines, "?") == 0);
  }
  channel.close();
  task.join();
}

TEST_CASE("one step without call frame information: by the record at fp, and never into what cannot be read") {
  // An address in no module, as of code that a compiler makes at run time.
  const StackMemory memory(64 * 1024);
  const auto nowhere = reinterpret_cast<uintptr_t>(memory.low());
  const uintptr_t record[2] = {0, nowhere + 8};
  const auto at = reinterpret_cast<uintptr_t>(record);
  for (const auto trust : {trace::Memory::Trust::Bounds, trace::Memory::Trust::Shy}) {
    trace::Memory reader(trust);
    Cursor cursor{nowhere, at - 64, at, 0, true};
    CHECK(trace::step(&cursor, reader, nullptr) == trace::Stepped::Done);
    CHECK(cursor.pc == nowhere + 8);
    CHECK(cursor.fp == 0);
    CHECK(trace::step(&cursor, reader, nullptr) == trace::Stepped::Lost);
    for (const uintptr_t bad : {at + 1, nowhere - 4096, uintptr_t{8}, ~uintptr_t{7}, at - 128}) {
      cursor = Cursor{nowhere, at - 64, bad, 0, true};
      CHECK(trace::step(&cursor, reader, nullptr) == trace::Stepped::Lost);
      CHECK(cursor.pc == nowhere);
    }
  }
}

}  // namespace
