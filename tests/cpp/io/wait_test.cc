// SPDX-License-Identifier: MIT
//
// Waiting for raw descriptors, by green threads and plain threads.
//
// Risk: a wait that misses its event or is woken by somebody else's; a registration that is left behind, so that a later owner of the number or
// an idle runtime pays for it.
#include <sys/epoll.h>

#include <atomic>
#include <cstdio>
#include <stop_token>
#include <vector>

#include "tests/cpp/io/support.hpp"

namespace {

using namespace io_test;

TEST_CASE("what is ready is answered at once, also with no time to wait") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    Party(kind, [] {
      Pipe pipe;
      CHECK(wait_writable(pipe.b) == CW_OK);
      CHECK(wait_readable(pipe.a, 0s) == CW_E_TIMEOUT);
      CHECK(put(pipe.b, "x"));
      CHECK(wait_readable(pipe.a) == CW_OK);
      CHECK(wait_readable(pipe.a, 0s) == CW_OK);  // level-triggered: it was not read
      const std::stop_source stopped;
      std::stop_source(stopped).request_stop();
      CHECK(wait_readable(pipe.a, stopped.get_token()) == CW_OK);
      Ends::drop(pipe.b);
      CHECK(get(pipe.a) == "x");
      CHECK(wait_readable(pipe.a) == CW_OK);  // its end
    });
  }
}

TEST_CASE("a wait ends with the event that it is for, and leaves nothing behind") {
  const Runtime runtime(2);
  for (const Kind waiter : kKinds) {
    for (const Kind waker : kKinds) {
      CAPTURE(name(waiter));
      CAPTURE(name(waker));
      for (int round = 0; round < 20; ++round) {
        Pipe pipe;
        std::atomic<bool> done{false};
        Party reads(waiter, [&] {
          CHECK(wait_readable(pipe.a) == CW_OK);
          CHECK(get(pipe.a) == "hello");
          done = true;
        });
        CHECK(eventually([] { return waiters() == 1; }));
        CHECK_FALSE(done);
        Party writes(waker, [&] { CHECK(put(pipe.b, "hello")); });
        writes.join();
        reads.join();
        CHECK(waiters() == 0);
      }
    }
  }
}

TEST_CASE("sockets, listening sockets and full pipes are waited for") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    {
      TcpPair pair;
      Party reads(kind, [&] { CHECK(wait_readable(pair.a) == CW_OK); });
      CHECK(eventually([] { return waiters() == 1; }));
      CHECK(put(pair.b, "x"));
    }
    {
      const Listener listener;
      Party accepts(kind, [&] { CHECK(wait_readable(listener.fd) == CW_OK); });
      CHECK(eventually([] { return waiters() == 1; }));
      const int client = socket(AF_INET, SOCK_STREAM, 0);
      CHECK(connect(client, listener.to(), sizeof listener.address) == 0);
      accepts.join();
      close(client);
    }
    {
      Pipe pipe;
      fill(pipe.b);
      Party writes(kind, [&] { CHECK(wait_writable(pipe.b) == CW_OK); });
      CHECK(eventually([] { return waiters() == 1; }));
      CHECK(get(pipe.a, 65536).size() == 65536);
    }
    {
      Pipe pipe;  // the other end goes: an error is readiness
      fill(pipe.b);
      Party writes(kind, [&] { CHECK(wait_writable(pipe.b) == CW_OK); });
      CHECK(eventually([] { return waiters() == 1; }));
      Ends::drop(pipe.a);
    }
  }
}

TEST_CASE("a regular file is always ready") {
  const Runtime runtime(1);
  FILE* regular = std::tmpfile();
  REQUIRE(regular != nullptr);
  for (const Kind kind : kKinds) {
    Party(kind, [&] {
      CHECK(wait_readable(fileno(regular)) == CW_OK);
      CHECK(wait_writable(fileno(regular), 0s) == CW_OK);
    });
  }
  std::fclose(regular);
}

TEST_CASE("what is no open descriptor is a status with a text and an errno") {
  const Runtime runtime(1);
  int closed = dup(0);
  close(closed);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    Party(kind, [&] {
      for (const int fd : {-1, -1'000'000, closed, 1'000'000'000}) {
        errno = 0;
        CHECK(wait_readable(fd) == CW_E_INVALID);
        CHECK(errno == EBADF);
        CHECK(std::string(cw_last_error()).find("not an open descriptor") != std::string::npos);
        CHECK(wait_writable(fd, 1h) == CW_E_INVALID);
      }
    });
  }
}

TEST_CASE("a deadline, a stop token and a stop request end a wait, and none of them leaves a registration") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    Pipe pipe;
    Party(kind, [&] {
      const auto begun = std::chrono::steady_clock::now();
      CHECK(wait_readable(pipe.a, 20ms) == CW_E_TIMEOUT);
      CHECK(std::chrono::steady_clock::now() - begun >= 20ms);
      CHECK(std::string(cw_last_error()).find("time") != std::string::npos);
      CHECK(wait_readable(pipe.a, -5s) == CW_E_TIMEOUT);
      std::stop_source before;
      before.request_stop();
      CHECK(wait_readable(pipe.a, before.get_token()) == CW_E_CANCELLED);
      CHECK(wait_readable(pipe.a, 1h, before.get_token()) == CW_E_CANCELLED);
    });
    std::stop_source source;
    Party waits(kind, [&] { CHECK(wait_readable(pipe.a, 1h, source.get_token()) == CW_E_CANCELLED); });
    CHECK(eventually([] { return waiters() == 1; }));
    source.request_stop();
    waits.join();
    CHECK(waiters() == 0);
    // A later event has nobody to wake, and does not disturb the next wait.
    CHECK(put(pipe.b, "x"));
    CHECK(get(pipe.a) == "x");
    Party(kind, [&] { CHECK(wait_readable(pipe.a, 20ms) == CW_E_TIMEOUT); });
  }
  Pipe pipe;
  Party stopped(Kind::Green, [&] { CHECK(wait_readable(pipe.a) == CW_E_CANCELLED); });
  CHECK(eventually([] { return waiters() == 1; }));
  stopped.request_stop();
}

// Shows half of what the steady clock has counted: a wait by the steady clock comes back too early.
struct SlowClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SlowClock>;
  static time_point now() { return time_point(std::chrono::steady_clock::now().time_since_epoch() / 2); }
};

TEST_CASE("every wait for a descriptor takes a point in time, of any clock, also with a stop token") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    Pipe pipe;
    std::stop_source source;
    Party(kind, [&] {
      const auto end = SlowClock::now() + 10ms;
      CHECK(wait_readable(pipe.a, end) == CW_E_TIMEOUT);
      CHECK(SlowClock::now() >= end);
      CHECK(wait_readable(pipe.a, std::chrono::system_clock::time_point(), source.get_token()) == CW_E_TIMEOUT);
      CHECK(wait_writable(pipe.b, std::chrono::steady_clock::time_point::min()) == CW_OK);
      causeway::io::file in(dup(pipe.a));
      char byte = 0;
      const auto later = SlowClock::now() + 10ms;
      CHECK(in.read(&byte, 1, later, source.get_token()).error() == CW_E_TIMEOUT);
      CHECK(SlowClock::now() >= later);
      CHECK(put(pipe.b, "x"));
      CHECK(in.read(&byte, 1, std::chrono::system_clock::now() + 1h).value_or(0) == 1);
      // Accepts and connections, whose limit comes after two more arguments.
      const Listener listener;
      causeway::io::file server(dup(listener.fd));
      CHECK(server.accept(SlowClock::now() + 1ms).error() == CW_E_TIMEOUT);
      causeway::io::file client(socket(AF_INET, SOCK_STREAM, 0));
      CHECK(client.connect(listener.to(), sizeof listener.address, SlowClock::now() + 1h, source.get_token()).has_value());
      CHECK(client.write("y", 1, SlowClock::now() + 1h).value_or(0) == 1);
    });
    Party waits(kind, [&] { CHECK(wait_readable(pipe.a, SlowClock::now() + 1h, source.get_token()) == CW_E_CANCELLED); });
    CHECK(eventually([] { return waiters() == 1; }));
    source.request_stop();
    waits.join();
    CHECK(waiters() == 0);
  }
}

TEST_CASE("two readers and a writer of one descriptor: each gets its own event") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    LocalPair pair;
    fill(pair.a);
    std::atomic<int> readers{0}, writers{0};
    std::vector<Party> parties;
    for (int i = 0; i < 2; ++i)
      parties.emplace_back(i == 0 ? kind : Kind::Green, [&] {
        CHECK(wait_readable(pair.a) == CW_OK);
        ++readers;
      });
    CHECK(eventually([] { return waiters() == 2; }));
    parties.emplace_back(kind, [&] {
      CHECK(wait_writable(pair.a) == CW_OK);
      ++writers;
    });
    CHECK(eventually([] { return waiters() == 3; }));
    CHECK(put(pair.b, "x"));
    CHECK(eventually([&] { return readers == 2; }));
    CHECK(writers == 0);  // it still waits, and is registered anew
    CHECK(waiters() == 1);
    while (get(pair.b, 65536).size() != 0 && writers == 0) {}
    CHECK(eventually([&] { return writers == 1; }));
    CHECK(waiters() == 0);
  }
}

TEST_CASE("one of several waiters leaves by its deadline, the others stay") {
  const Runtime runtime(2);
  Pipe pipe;
  std::atomic<int> woken{0};
  std::vector<Party> parties;
  for (const Kind kind : kKinds)
    parties.emplace_back(kind, [&] {
      CHECK(wait_readable(pipe.a) == CW_OK);
      ++woken;
    });
  CHECK(eventually([] { return waiters() == 2; }));
  for (const Kind kind : kKinds) Party(kind, [&] { CHECK(wait_readable(pipe.a, 5ms) == CW_E_TIMEOUT); });
  CHECK(waiters() == 2);
  CHECK(put(pipe.b, "x"));
  for (Party& party : parties) party.join();
  CHECK(woken == 2);
}

TEST_CASE("duplicates of one open file are waited for each by its own number") {
  const Runtime runtime(2);
  Pipe pipe;
  int twin = dup(pipe.a);
  REQUIRE(twin >= 0);
  std::atomic<int> woken{0};
  std::vector<Party> parties;
  for (const int fd : {pipe.a, twin})
    parties.emplace_back(Kind::Green, [&woken, fd] {
      CHECK(wait_readable(fd) == CW_OK);
      ++woken;
    });
  CHECK(eventually([] { return waiters() == 2; }));
  CHECK(put(pipe.b, "x"));
  CHECK(eventually([&] { return woken == 2; }));
  close(twin);
}

TEST_CASE("a number that is closed and used again while somebody waits: the old wait ends as closed, the new one is for the new file") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    for (const bool kept_open : {false, true}) {  // by a duplicate: then the kernel keeps the old registration
      CAPTURE(name(kind));
      CAPTURE(kept_open);
      Pipe first, second;
      const int number = first.a;
      int twin = kept_open ? dup(number) : -1;
      std::atomic<int> old_end{-1}, new_end{-1};
      Party old_wait(kind, [&] { old_end = static_cast<int>(wait_readable(number)); });
      CHECK(eventually([] { return waiters() == 1; }));
      REQUIRE(dup2(second.a, number) == number);  // closes the first one's
      Party new_wait(kind, [&] { new_end = static_cast<int>(wait_readable(number)); });
      old_wait.join();
      CHECK(old_end == CW_E_CLOSED);
      CHECK(eventually([] { return waiters() == 1; }));
      // What the first file does is nobody's business any more.
      if (kept_open) CHECK(put(first.b, "stale"));
      Party(Kind::Green, [] { causeway::this_green::sleep_for(20ms); });
      CHECK(waiters() == 1);
      CHECK(new_end == -1);
      CHECK(put(second.b, "x"));
      new_wait.join();
      CHECK(new_end == CW_OK);
      if (twin >= 0) close(twin);
    }
  }
}

TEST_CASE("a number that is closed while somebody waits, and not used again: the wait goes to its deadline") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    for (const bool kept_open : {false, true}) {
      CAPTURE(name(kind));
      Pipe pipe;
      int twin = kept_open ? dup(pipe.a) : -1;
      Party waits(kind, [fd = pipe.a] { CHECK(wait_readable(fd, 100ms) == CW_E_TIMEOUT); });
      CHECK(eventually([] { return waiters() == 1; }));
      Ends::take_away(pipe.a);
      waits.join();
      CHECK(waiters() == 0);
      // The registration that a duplicate keeps alive makes no noise.
      if (kept_open) CHECK(put(pipe.b, "stale"));
      if (twin >= 0) close(twin);
    }
  }
}

TEST_CASE("an event that is on its way when its waiter leaves does not wake the next one") {
  // Readable for a moment only, again and again, while waits begin and end by deadline: each CW_OK must find something, because nobody else
  // reads.
  const Runtime runtime(2);
  Pipe pipe;
  std::atomic<bool> over{false};
  std::atomic<int> bytes{0};
  Party reader(Kind::Green, [&] {
    while (!over) {
      const cw_status status = wait_readable(pipe.a, 50us);
      if (status == CW_OK) {
        if (get(pipe.a, 1).size() != 1) {
          CHECK_MESSAGE(false, "woken, and nothing was there");
          return;
        }
        ++bytes;
      } else {
        CHECK(status == CW_E_TIMEOUT);
      }
    }
  });
  for (int i = 0; i < 2000; ++i) {
    CHECK(put(pipe.b, "x"));
    if (!eventually([&] { return bytes == i + 1; })) break;
  }
  over = true;
  reader.join();
  CHECK(bytes == 2000);
}

TEST_CASE("thousands of numbers, each waited for once, and far apart") {
  const Runtime runtime(2);
  const int far = fcntl(0, F_DUPFD_CLOEXEC, 900);  // another chunk of the table
  if (far >= 0) {
    Pipe pipe;
    REQUIRE(dup2(pipe.a, far) == far);
    Party waits(Kind::Green, [&] { CHECK(wait_readable(far) == CW_OK); });
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(put(pipe.b, "x"));
    waits.join();
    close(far);
  }
  std::atomic<int> woken{0};
  for (int round = 0; round < 20; ++round) {
    std::vector<Pipe> pipes(64);
    std::vector<causeway::task<void>> tasks;
    for (Pipe& pipe : pipes)
      tasks.push_back(causeway::spawn([&] {
        CHECK(wait_readable(pipe.a) == CW_OK);
        ++woken;
      }));
    for (Pipe& pipe : pipes) CHECK(put(pipe.b, "x"));
    for (auto& task : tasks) task.join();
  }
  CHECK(woken == 20 * 64);
}

}  // namespace
