// SPDX-License-Identifier: MIT
//
// The poller: its descriptors, who polls when, and the runtime's end.
//
// Risk: a wait that nobody polls for, because every M sleeps on its futex, every P is busy, or the one M in the poller was taken for work; work
// that does not wake the M in the poller; descriptors that outlive the runtime.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <stop_token>
#include <vector>

#include "tests/cpp/io/support.hpp"

namespace {

using namespace io_test;

TEST_CASE("the poller's descriptors are made at the first wait and gone after the stop, again and again") {
  const int before = count_entries("fd");
  for (int round = 0; round < 3; ++round) {
    const Runtime runtime(2);
    CHECK(count_entries("fd") == before);
    Pipe pipe;
    Party waits(round == 0 ? Kind::Thread : Kind::Green, [&] { CHECK(wait_readable(pipe.a) == CW_OK); });
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(count_entries("fd") == before + 4);
    CHECK(put(pipe.b, "x"));
  }
  CHECK(count_entries("fd") == before);
}

TEST_CASE("a file outlives the runtime, and waits again in the next one") {
  TcpPair pair;
  file a(pair.give(&Ends::a));
  for (int round = 0; round < 3; ++round) {
    const Runtime runtime(2);
    Party reads(round == 1 ? Kind::Thread : Kind::Green, [&] {
      char byte;
      CHECK(a.read(&byte, 1).value_or(0) == 1);
    });
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(put(pair.b, "x"));
  }
}

TEST_CASE("without descriptors for the poller a wait fails with a text, and the next one works") {
  const Runtime runtime(2);
  Pipe pipe;
  rlimit limit{}, lowered{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  lowered = limit;
  for (const rlim_t room : {rlim_t{0}, rlim_t{1}}) {  // for none of the two, for one
    const int lowest = dup(0);
    close(lowest);
    lowered.rlim_cur = static_cast<rlim_t>(lowest) + room;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &lowered) == 0);
    for (const Kind kind : kKinds)
      Party(kind, [&] {
        CHECK(wait_readable(pipe.a, 1h) == CW_E_SYSTEM);
        CHECK(errno == EMFILE);
        CHECK(std::string(cw_last_error()).find("RLIMIT_NOFILE") != std::string::npos);
      });
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  }
  CHECK(waiters() == 0);
  Party(Kind::Green, [&] { CHECK(wait_readable(pipe.a, 1ms) == CW_E_TIMEOUT); });
}

TEST_CASE("a plain thread starts the runtime by waiting") {
  Pipe pipe;
  CHECK(wait_readable(pipe.a, 1ms) == CW_E_TIMEOUT);
  Party writes(Kind::Thread, [&] {
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(put(pipe.b, "x"));
  });
  CHECK(wait_readable(pipe.a) == CW_OK);
  writes.join();
  CHECK(cw_runtime_stop(CW_FOREVER) == CW_OK);
}

TEST_CASE("the stop of the runtime ends the waits of green threads and of plain threads") {
  Pipe pipe;
  LocalPair pair;
  file a(pair.give(&Ends::a));
  std::vector<Party> threads;
  std::atomic<int> cancelled{0};
  {
    const Runtime runtime(2);
    for (int i = 0; i < 3; ++i) {
      causeway::go([&] { cancelled += wait_readable(pipe.a) == CW_E_CANCELLED; });
      causeway::go([&] {
        char byte;
        cancelled += a.read(&byte, 1).error() == CW_E_CANCELLED;
      });
      threads.emplace_back(Kind::Thread, [&] { CHECK(wait_readable(pipe.a) == CW_E_STOPPED); });
      threads.emplace_back(Kind::Thread, [&] {
        char byte;
        CHECK(a.read(&byte, 1).error() == CW_E_STOPPED);
      });
      threads.emplace_back(Kind::Thread, [&] { CHECK(wait_readable(pipe.a, 1h) == CW_E_STOPPED); });
    }
    CHECK(eventually([] { return waiters() == 15; }));
  }
  CHECK(cancelled == 6);
  for (Party& thread : threads) thread.join();
  CHECK(waiters() == 0);
}

TEST_CASE("waits that end by themselves while the runtime stops") {
  // Deadlines of plain threads, spread over the stop: whoever comes back after the end of the table must not look for it.
  Pipe pipe;
  for (int round = 0; round < 10; ++round) {
    std::atomic<unsigned> done{0};
    std::vector<Party> threads;
    const Runtime runtime(1);
    for (int i = 0; i < 8; ++i)
      threads.emplace_back(Kind::Thread, [&, i] {
        const cw_status status = wait_readable(pipe.a, std::chrono::microseconds(5000 + 100 * i));
        CHECK((status == CW_E_TIMEOUT || status == CW_E_STOPPED));
        ++done;
      });
    // All have begun: one that came later would start the runtime anew. Its end comes now, that of the threads after it.
    CHECK(eventually([&] { return waiters() + done >= 8; }));
  }
}

TEST_CASE("an event is seen while every processor is busy, with green threads that yield") {
  for (const unsigned processors : {1u, 2u}) {
    CAPTURE(processors);
    const Runtime runtime(processors);
    std::atomic<bool> over{false};
    std::vector<Party> busy;
    for (int i = 0; i < 4; ++i)
      busy.emplace_back(Kind::Green, [&] {
        while (!over) causeway::this_green::yield();
      });
    for (const Kind kind : kKinds) {
      for (int round = 0; round < 20; ++round) {
        Pipe pipe;
        Party waits(kind, [&] { CHECK(wait_readable(pipe.a) == CW_OK); });
        CHECK(eventually([] { return waiters() == 1; }));
        CHECK(put(pipe.b, "x"));
      }
    }
    over = true;
  }
}

TEST_CASE("an event is seen while every processor runs something that never calls") {
  // Only the monitor is left to look. Its plain thread is served; a green thread gets the P of a hog.
  const Runtime runtime(1);
  std::atomic<bool> over{false};
  Pipe pipe;
  std::vector<Party> parties;
  for (const Kind kind : kKinds) parties.emplace_back(kind, [&] { CHECK(wait_readable(pipe.a) == CW_OK); });
  CHECK(eventually([] { return waiters() == 2; }));
  std::atomic<bool> spins{false};
  Party hog(Kind::Green, [&] {
    spins = true;
    while (!over) {}
  });
  CHECK(eventually([&] { return spins.load(); }));
  CHECK(put(pipe.b, "x"));
  for (Party& party : parties) party.join();
  over = true;
}

TEST_CASE("work wakes the M that sits in the poller") {
  // One processor: the only M is there. From a plain thread (injection), by a timer, and from a plain thread's channel.
  for (const unsigned processors : {1u, 2u}) {
    CAPTURE(processors);
    const Runtime runtime(processors);
    Pipe pipe;
    std::stop_source source;
    Party waits(Kind::Green, [&] { CHECK(wait_readable(pipe.a, source.get_token()) == CW_E_CANCELLED); });
    CHECK(eventually([] { return waiters() == 1; }));
    for (int round = 0; round < 200; ++round) {
      CHECK(eventually([] { return causeway::sched::scheduler().poller_seat.load() != nullptr; }));
      std::atomic<bool> ran{false};
      Party(Kind::Green, [&] {
        if (round % 10 == 0) causeway::this_green::sleep_for(1ms);
        ran = true;
      });
      CHECK(ran);
    }
    source.request_stop();
  }
}

TEST_CASE("the first wait of a plain thread finds everybody asleep, also beside a watcher that sleeps to a deadline") {
  for (const bool timer : {false, true}) {
    CAPTURE(timer);
    const Runtime runtime(2);
    Party sleeper(Kind::Green, [&] {
      if (timer) cw_green_sleep(3'600'000'000'000);
    });
    Party(Kind::Thread, [] { std::this_thread::sleep_for(30ms); });  // let them go to sleep; right also if they do not
    for (int round = 0; round < 20; ++round) {
      Pipe pipe;
      Party waits(Kind::Thread, [&] { CHECK(wait_readable(pipe.a) == CW_OK); });
      CHECK(eventually([] { return waiters() == 1; }));
      CHECK(put(pipe.b, "x"));
    }
    sleeper.request_stop();
  }
}

TEST_CASE("deadlines are kept by the M in the poller, and are never early") {
  const Runtime runtime(2);
  Pipe pipe;
  Party(Kind::Green, [&] {
    for (const std::chrono::microseconds d : {1us, 100us, 1000us, 1500us, 20000us}) {
      const auto begun = std::chrono::steady_clock::now();
      CHECK(wait_readable(pipe.a, d) == CW_E_TIMEOUT);
      CHECK(std::chrono::steady_clock::now() - begun >= d);
    }
  });
}

TEST_CASE("with the virtual clock events come, and deadlines pass when nothing else happens") {
  const Runtime runtime(1, "virtual-clock");
  Pipe pipe;
  const auto begun = std::chrono::steady_clock::now();
  Party late(Kind::Green, [&] { CHECK(wait_readable(pipe.a, 1h) == CW_E_TIMEOUT); });
  late.join();
  CHECK(std::chrono::steady_clock::now() - begun < 30min);
  Party waits(Kind::Green, [&] { CHECK(wait_readable(pipe.a) == CW_OK); });
  CHECK(eventually([] { return waiters() == 1; }));
  CHECK(put(pipe.b, "x"));
}

TEST_CASE("a wait for a descriptor is no deadlock") {
  // All of this process sleeps for ever, and the other end of the pipe is another process: a report would end us. The handlers of the test
  // program would be a reason for no report: they go for that time.
  struct sigaction none{}, before_int{}, before_term{};
  none.sa_handler = SIG_DFL;
  sigaction(SIGINT, &none, &before_int);
  sigaction(SIGTERM, &none, &before_term);
  Pipe pipe;
  const pid_t writer = fork();
  REQUIRE(writer >= 0);
  if (writer == 0) {
    usleep(600'000);  // many times what the monitor needs to be sure
    _exit(put(pipe.b, "x") ? 0 : 1);
  }
  {
    const Runtime runtime(1);
    Party reader(Kind::Green, [&] { CHECK(wait_readable(pipe.a) == CW_OK); });
    reader.join();
  }
  CHECK(waitpid(writer, nullptr, 0) == writer);
  sigaction(SIGINT, &before_int, nullptr);
  sigaction(SIGTERM, &before_term, nullptr);
}

TEST_CASE("green threads that keep their OS thread wait too") {
  const Runtime runtime(2);
  for (int round = 0; round < 20; ++round) {
    Pipe pipe;
    Party waits(Kind::Green, [&] {
      CHECK(cw_thread_lock() == CW_OK);
      const int before = sched_test::tid();
      CHECK(wait_readable(pipe.a) == CW_OK);
      CHECK(sched_test::tid() == before);
      CHECK(cw_thread_unlock() == CW_OK);
    });
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(put(pipe.b, "x"));
  }
}

}  // namespace
