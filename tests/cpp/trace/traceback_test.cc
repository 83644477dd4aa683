// SPDX-License-Identifier: MIT
//
// Tracebacks as text: cw_traceback of oneself and of all, cw_traceback_of, cw_green_profile.
//
// Risk: a text that is cut in the middle of a line or written beyond its buffer; a caller that is not the first line; a state or a name that is wrong; a
// call that hangs or dies where it is not expected (no runtime, a leaf call, a thread of a host).
#include <signal.h>

#include <cstring>
#include <memory>

#include "tests/cpp/trace/steps.hpp"

namespace {

using namespace trace_test;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> lines;
  size_t from = 0;
  for (size_t at; (at = text.find('\n', from)) != std::string::npos; from = at + 1) lines.push_back(text.substr(from, at - from));
  CHECK(from == text.size());  // each line has its end
  return lines;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Each part is in the text, in this order.
bool has_all(const std::string& text, const std::vector<std::string>& parts) {
  size_t from = 0;
  for (const std::string& part : parts) {
    const size_t at = text.find(part, from);
    if (at == std::string::npos) return false;
    from = at + part.size();
  }
  return true;
}

std::string of(uint64_t id) {
  std::string text(cw_traceback_of(id, nullptr, 0) + 1000, '\0');
  text.resize(cw_traceback_of(id, text.data(), text.size()));
  return text;
}

[[gnu::noinline]] std::string asks_for_itself() {
  std::string text = causeway::traceback();
  asm volatile("" ::: "memory");
  return text;
}

TEST_CASE("of oneself: managed, C and managed frames, the caller first") {
  Runtime runtime(2);
  std::string managed, in_c, in_callback;
  causeway::spawn({.name = "asker"}, [&] {
    managed = asks_for_itself();
    causeway::call([&] { in_c = asks_for_itself(); });
    causeway::call(
        [&] { host_outer([](void* to) { enter([to] { *static_cast<std::string*>(to) = asks_for_itself(); }); }, &in_callback); });
  }).join();
  INFO(managed);
  CHECK(has(split(managed).at(0), "\"asker\" on thread "));
  CHECK(has(split(managed).at(1), "  #0 (anonymous namespace)::asks_for_itself"));
  CHECK(!has(managed, "call to C"));
  INFO(in_c);
  CHECK(has(split(in_c).at(1), "  #0 (anonymous namespace)::asks_for_itself"));
  CHECK(has_all(in_c, {"asks_for_itself", "---- call to C: ", "traceback_test.cc"}));
  INFO(in_callback);
  CHECK(has(split(in_callback).at(0), "\"asker/callback\""));
  CHECK(has_all(in_callback, {"#0 (anonymous namespace)::asks_for_itself", "---- callback: C calls green thread ", "host_inner",
                              "host_middle", "host_outer", "---- call to C: ", "traceback_test.cc"}));
}

TEST_CASE("of oneself where there is no green thread: before the start, and on a thread of a host") {
  const std::string before = asks_for_itself();
  INFO(before);
  CHECK(has(split(before).at(0), "outside of managed code"));
  CHECK(has(split(before).at(1), "  #0 (anonymous namespace)::asks_for_itself"));
  CHECK(has(before, "main"));
  Runtime runtime(1);
  std::string on_host;
  on_thread([&] { on_host = asks_for_itself(); });
  CHECK(has(split(on_host).at(1), "  #0 (anonymous namespace)::asks_for_itself"));
}

TEST_CASE("of oneself inside a leaf call, on the green stack and on the C stack") {
  Runtime runtime(1);
  for (const size_t used : {size_t{0}, size_t{40 * 1024}}) {
    std::string text;
    causeway::spawn([&] { below(used, [&] { call([&] { text = asks_for_itself(); }, CW_LEAF); }); }).join();
    INFO(text);
    CHECK(has_all(text, {"#0 (anonymous namespace)::asks_for_itself", "traceback_test.cc"}));
    CHECK(!has(text, "not known"));
  }
}

TEST_CASE("file, line and what was inlined; without the library the function, in any case module and offset") {
  const std::string text = asks_for_itself();
  INFO(text);
  const std::string first = split(text).at(1);
  CHECK(has(first, "(trace_test+0x"));
  if (has(first, " at ")) CHECK(has(first, "traceback_test.cc:"));
}

[[gnu::noinline]] void waits_on(causeway::channel<int>& channel) {
  static_cast<void>(channel.receive());
  asm volatile("" ::: "memory");
}

TEST_CASE("of all and of one: state, what is waited for, who spawned it") {
  Runtime runtime(2);
  causeway::channel<int> channel;
  std::atomic<uint64_t> parent{0}, child{0}, in_c{0};
  std::atomic<bool> over{false};
  auto caller = causeway::spawn({.name = "caller"}, [&] {
    in_c = cw_green_id();
    causeway::call([&] {
      host_outer(
          [](void* stop) {
            while (!*static_cast<std::atomic<bool>*>(stop)) std::this_thread::yield();
          },
          &over);
    });
  });
  auto family = causeway::spawn({.name = "parent"}, [&] {
    parent = cw_green_id();
    causeway::spawn({.name = "child"}, [&] {
      child = cw_green_id();
      waits_on(channel);
    }).join();
  });
  CHECK(eventually([&] { return stats().greens_parked == 2 && in_c != 0; }));
  const std::string all = causeway::traceback(CW_TRACE_ALL);
  INFO(all);
  for (const std::string& text : {all, of(child)}) {
    INFO(text);
    CHECK(has_all(text, {"green thread " + std::to_string(child) + " \"child\": waits for ", "0x", ", for ", " ms",
                         "; spawned by green thread " + std::to_string(parent) + " at ", "waits_on"}));
  }
  CHECK(has_all(all, {"\"caller\": in C, called ", "---- C code that goes on", "---- call to C: "}));
  CHECK(has_all(all, {"\"parent\": waits for "}));
  // From inside: a green thread is in the list of all itself.
  std::string from_inside;
  causeway::spawn({.name = "asker"}, [&] { from_inside = causeway::traceback(CW_TRACE_ALL); }).join();
  CHECK(has_all(from_inside, {"\"asker\": in C, called cw_traceback"}));
  CHECK(has(from_inside, "\"child\""));
  // Each green thread once.
  for (const char* name : {"\"child\"", "\"parent\"", "\"caller\""}) {
    int n = 0;
    for (const std::string& line : split(all)) n += line.starts_with("green thread ") && has(line.substr(0, line.find(':')), name);
    CHECK(n == 1);
  }
  channel.close();
  over = true;
  caller.join();
  family.join();
  CHECK(cw_traceback_of(child, nullptr, 0) == 0);
  CHECK(std::string(cw_last_error()).find("no green thread has that id") != std::string::npos);
}

TEST_CASE("any length of buffer: whole lines, closed by a zero, nothing beyond") {
  Runtime runtime(1);
  causeway::spawn([&] {
    std::vector<char> whole(65536);
    const auto ask = [](char* to, size_t n) { return cw_traceback(to, n, CW_TRACE_SELF); };
    const size_t size = ask(whole.data(), whole.size());
    REQUIRE(size < whole.size());
    CHECK(std::strlen(whole.data()) == size);
    CHECK(ask(nullptr, 0) > 0);
    int wrong = 0;
    std::vector<char> buffer(size + 64);
    size_t longest = 0;
    for (size_t n = 0; n <= size + 1; ++n) {
      std::fill(buffer.begin(), buffer.end(), 'x');
      ask(buffer.data(), n);
      for (size_t i = n; i < buffer.size(); ++i) wrong += buffer[i] != 'x';
      if (n == 0) continue;
      const size_t kept = strnlen(buffer.data(), n);
      wrong += kept >= n || (kept != 0 && buffer[kept - 1] != '\n') || kept < longest;
      longest = kept;
    }
    CHECK(wrong == 0);
    CHECK(longest > 0);
  }).join();
}

TEST_CASE("bad arguments, and no runtime") {
  CHECK(cw_traceback(nullptr, 0, 0) == 0);
  CHECK(std::string(cw_last_error()).find("CW_TRACE_SELF") != std::string::npos);
  CHECK(cw_traceback(nullptr, 0, 4) == 0);
  CHECK(cw_traceback_of(0, nullptr, 0) == 0);
  CHECK(has(causeway::traceback(CW_TRACE_ALL), "no runtime is running"));
  size_t count = 7;
  CHECK(cw_green_profile(nullptr, 0, nullptr) == CW_E_INVALID);
  CHECK(cw_green_profile(nullptr, 1, &count) == CW_E_INVALID);
  CHECK(cw_green_profile(nullptr, 0, &count) == CW_E_NOT_READY);
  CHECK(count == 7);
}

TEST_CASE("inside of a stop of the world it is refused") {
  Runtime runtime(1);
  size_t answers[2] = {1, 1};
  cw_world_run(
      kLimitNs,
      [](void* to) {
        static_cast<size_t*>(to)[0] = cw_traceback(nullptr, 0, CW_TRACE_ALL);
        size_t count = 0;
        static_cast<size_t*>(to)[1] = cw_green_profile(nullptr, 0, &count) == CW_E_STATE ? 0 : 1;
      },
      answers);
  CHECK(answers[0] == 0);
  CHECK(answers[1] == 0);
  causeway::spawn([&] {
    answers[0] = 1;
    cw_world_run(kLimitNs, [](void* to) { *static_cast<size_t*>(to) = cw_traceback(nullptr, 0, CW_TRACE_SELF); }, answers);
    CHECK(answers[0] == 0);
  }).join();
}

[[gnu::noinline]] void waits_elsewhere(causeway::channel<int>& channel) {
  CHECK(!channel.try_receive());  // not the same code as waits_on(): a compiler would make one function of the two
  static_cast<void>(channel.receive());
  asm volatile("" ::: "memory");
}

// C that calls back, and the callback that waits there.
void host_that_calls_back(void* channel) {
  CHECK(cw_enter([](void* c) { waits_on(*static_cast<causeway::channel<int>*>(c)); }, channel) == CW_OK);
  asm volatile("" ::: "memory");
}

TEST_CASE("a profile of three that sleep in callbacks: over the crossings, to who called") {
  Runtime runtime(2);
  causeway::channel<int> channel;
  std::vector<std::unique_ptr<HostThread>> threads;
  for (int i = 0; i < 3; ++i)
    threads.push_back(
        std::make_unique<HostThread>([&] { enter([&] { CHECK(cw_call(CW_QUICK, &host_that_calls_back, &channel) == CW_OK); }); }));
  CHECK(eventually([&] { return stats().greens_parked == 3; }));
  cw_stack_record records[8];
  size_t count = 0;
  REQUIRE(cw_green_profile(records, 8, &count) == CW_OK);
  // Three sleep, and three are in C below which those came in.
  uint64_t asleep = 0;
  for (size_t i = 0; i < count; ++i) {
    std::string names;
    for (uint32_t k = 0; k < records[i].depth; ++k)
      names += causeway::trace::symbol_of(reinterpret_cast<uintptr_t>(records[i].pc[k]) - 1).name + "\n";
    INFO(names);
    if (!has(names, "waits_on")) continue;
    asleep += records[i].count;
    CHECK(has_all(names, {"waits_on", "host_that_calls_back", "HostThread::run"}));
  }
  CHECK(asleep == 3);
  channel.close();
}

TEST_CASE("tracebacks of all while green threads and threads of a host call in and out") {
  Runtime runtime(2);
  std::atomic<bool> over{false};
  const auto in_and_out = [&] {
    while (!over.load(std::memory_order_relaxed)) {
      call([&] { enter([&] { call([] { enter([] { causeway::this_green::yield(); }); }); }); });
      causeway::this_green::yield();
    }
  };
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(causeway::spawn({.name = "caller"}, in_and_out));
  std::vector<std::unique_ptr<HostThread>> threads;
  for (int i = 0; i < 3; ++i) threads.push_back(std::make_unique<HostThread>([&] { enter(in_and_out); }));
  const int rounds = few() ? 3 : 10;
  int callers = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string all = causeway::traceback(CW_TRACE_ALL);
    for (const std::string& line : split(all)) callers += has(line, "\"caller\"") && line.starts_with("green thread ");
    cw_stack_record record;
    size_t count = 0;
    CHECK(cw_green_profile(&record, 1, &count) == CW_OK);
  }
  CHECK(callers == 10 * rounds);
  over = true;
  for (auto& task : tasks) task.join();
}

[[gnu::noinline]] void waits_below(causeway::channel<int>& channel, int calls) {
  if (calls == 0) waits_on(channel);
  else waits_below(channel, calls - 1);
  asm volatile("" ::: "memory");
}

TEST_CASE("100 000 green threads: each is there once, in the text, in one that is cut, and in the profile") {
  const size_t count = few() ? 3000 : 100'000;
  Runtime runtime(2);
  causeway::channel<int> channel;
  std::atomic<size_t> ended{0};
  for (size_t i = 0; i < count; ++i)
    causeway::go([&, i] {
      waits_below(channel, static_cast<int>(i % 4));
      ended.fetch_add(1, std::memory_order_release);
    });
  CHECK(eventually([&] { return stats().greens_parked == count; }));
  const uint64_t stops = stats().world_stops;
  char head[4096];
  const size_t size = cw_traceback(head, sizeof head, CW_TRACE_ALL);
  CHECK(stats().world_stops == stops + 1);  // one was enough
  CHECK(size > count * 100);
  CHECK(std::strlen(head) > sizeof head - 1024);
  const std::string all = causeway::traceback(CW_TRACE_ALL);
  size_t found = 0, frames = 0;
  for (size_t at = all.find("green thread "); at != std::string::npos; at = all.find("\ngreen thread ", at + 1)) ++found;
  for (size_t at = all.find("waits_below"); at != std::string::npos; at = all.find("waits_below", at + 1)) ++frames;
  CHECK(found == count);
  CHECK(frames > count);
  CHECK(!has(all, "no memory"));
  cw_stack_record records[16];
  size_t stacks = 0;
  REQUIRE(cw_green_profile(records, 16, &stacks) == CW_OK);
  CHECK(stacks == 4);
  uint64_t sum = 0;
  for (size_t i = 0; i < stacks && i < 16; ++i) sum += records[i].count;
  CHECK(sum == count);
  channel.close();
  CHECK(eventually([&] { return ended.load(std::memory_order_acquire) == count; }));
}

TEST_CASE("of all while a callback runs that cannot be stopped: who is late, and the others' stacks all the same") {
  Runtime runtime(2);
  std::atomic<bool> over{false};
  std::atomic<uint64_t> turns{0}, late{0};
  HostThread host([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    enter([&] {
      late = cw_green_id();
      while (!over.load(std::memory_order_relaxed)) turns.fetch_add(1, std::memory_order_relaxed);
    });
  });
  causeway::channel<int> channel;
  causeway::task<void> waits = causeway::spawn({.name = "waits"}, [&] { waits_on(channel); });
  REQUIRE(eventually([&] { return stats().greens_parked == 1 && turns.load() > 0; }));
  const std::string all = causeway::traceback(CW_TRACE_ALL);
  INFO(all);
  CHECK(has_all(all, {"the world did not stop in time", "callback of green thread " + std::to_string(late.load())}));
  CHECK(has_all(all, {"\"waits\"", "waits_on"}));
  const uint64_t before = turns;
  CHECK(eventually([&] { return turns.load() > before; }));
  cw_stack_record record;
  size_t count = 0;
  CHECK(cw_green_profile(&record, 1, &count) == CW_E_TIMEOUT);
  over = true;
  channel.close();
}

TEST_CASE("a profile groups equal stacks, the most frequent first") {
  Runtime runtime(2);
  causeway::channel<int> channel;
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 30; ++i) {
    if (i % 3 == 0) tasks.push_back(causeway::spawn([&] { waits_elsewhere(channel); }));
    else tasks.push_back(causeway::spawn([&] { waits_on(channel); }));
  }
  CHECK(eventually([&] { return stats().greens_parked == 30; }));
  cw_stack_record records[8];
  size_t count = 0;
  REQUIRE(cw_green_profile(records, 8, &count) == CW_OK);
  CHECK(count == 2);
  CHECK(records[0].count == 20);
  CHECK(records[1].count == 10);
  const auto shows = [](const cw_stack_record& record, const char* name) {
    CHECK(record.size == sizeof record);
    for (uint32_t i = 0; i < record.depth; ++i)
      if (has(causeway::trace::symbol_of(reinterpret_cast<uintptr_t>(record.pc[i]) - 1).name, name)) return true;
    return false;
  };
  CHECK(shows(records[0], "waits_on"));
  CHECK(shows(records[1], "waits_elsewhere"));
  // Room for one.
  cw_stack_record one[2];
  one[1].count = 77;
  REQUIRE(cw_green_profile(one, 1, &count) == CW_OK);
  CHECK(count == 2);
  CHECK(one[0].count == 20);
  CHECK(one[1].count == 77);
  channel.close();
  for (auto& task : tasks) task.join();
}

}  // namespace
