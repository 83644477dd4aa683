// SPDX-License-Identifier: MIT
//
// io::file: descriptors that the library owns, used by green threads and plain threads.
//
// Risk: an edge that is lost, so that a call waits beside data; a number that is closed under somebody's read; a wait that close() does not end.
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/un.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <numeric>
#include <stop_token>
#include <vector>

#include "runtime/stack/stack.hpp"
#include "tests/cpp/io/support.hpp"

namespace {

using namespace io_test;

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }
bool blocks(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

std::string read_text(file& from, size_t n = 100) {
  std::string text(n, '\0');
  const auto got = from.read(text.data(), n);
  REQUIRE_MESSAGE(got.has_value(), cw_status_name(got.error()));
  text.resize(*got);
  return text;
}

TEST_CASE("what goes in comes out: pipes, local sockets and TCP, either side first") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    const auto talk = [&](Ends& ends, bool back) {
      file a(ends.give(&Ends::a)), b(ends.give(&Ends::b));
      Party other(Kind::Green, [&] {
        for (int i = 0; i < 100; ++i) {
          if (i % 3 == 0) causeway::this_green::yield();
          CHECK(b.write("ping", 4).value_or(0) == 4);
          if (back) CHECK(read_text(b) == "pong");
        }
      });
      Party(kind, [&] {
        for (int i = 0; i < 100; ++i) {
          std::string text;
          while (text.size() < 4) text += read_text(a, 4 - text.size());
          CHECK(text == "ping");
          if (back) CHECK(a.write("pong", 4).value_or(0) == 4);
        }
      });
    };
    Pipe pipe(0);
    talk(pipe, false);
    LocalPair local;
    talk(local, true);
    TcpPair tcp;
    talk(tcp, true);
  }
}

TEST_CASE("a long write waits for room as often as need be, and every byte arrives in order") {
  const Runtime runtime(2);
  for (int which = 0; which < 3; ++which) {
    CAPTURE(which);
    std::unique_ptr<Ends> ends;
    if (which == 0) ends = std::make_unique<Pipe>();
    else if (which == 1) ends = std::make_unique<LocalPair>();
    else ends = std::make_unique<TcpPair>();
    file from(ends->give(&Ends::b)), to(ends->give(&Ends::a));
    std::vector<unsigned char> data(5'000'000);
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<unsigned char>(i * 7 + (i >> 11));
    Party writes(Kind::Green, [&] {
      CHECK(from.write(data.data(), data.size()).value_or(0) == data.size());
      CHECK(from.close().has_value());
    });
    std::vector<unsigned char> got(data.size() + 1);
    size_t n = 0;
    Party(which == 2 ? Kind::Thread : Kind::Green, [&] {
      for (;;) {
        const auto part = to.read(got.data() + n, std::min<size_t>(got.size() - n, 70'000));
        REQUIRE(part.has_value());
        if (*part == 0) break;
        n += *part;
      }
    });
    got.resize(n);
    CHECK(got == data);
  }
}

TEST_CASE("the end of a stream that comes with the last bytes is seen after them") {
  // The edge of data and end is one: a read that gets the data alone must not wait for a second one.
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    for (int round = 0; round < 30; ++round) {
      TcpPair pair;
      file a(pair.give(&Ends::a));
      std::atomic<bool> first{false};
      Party reads(kind, [&] {
        CHECK(read_text(a) == "first");
        first = true;
        CHECK(read_text(a) == "last");
        CHECK(read_text(a).empty());
        CHECK(read_text(a).empty());
      });
      CHECK(put(pair.b, "first"));
      CHECK(eventually([&] { return first && waiters() == 1; }));
      if (round % 3 == 0) shutdown(pair.b, SHUT_RD);
      const int corked = 1;
      setsockopt(pair.b, IPPROTO_TCP, TCP_CORK, &corked, sizeof corked);
      CHECK(put(pair.b, "last"));
      Ends::drop(pair.b);
    }
  }
}

TEST_CASE("an urgent byte does not hide what comes behind it") {
  // A read stops before the urgent byte: a short read that did not empty the socket. One processor, and one writer that does not park, so that
  // both parts are there when the reader gets its one edge.
  const Runtime runtime(1);
  TcpPair pair;
  file a(pair.give(&Ends::a));
  std::atomic<size_t> got{0};
  std::string all;
  Party reads(Kind::Green, [&] {
    while (got < 13) {
      all += read_text(a);
      got = all.size();
    }
  });
  CHECK(put(pair.b, "a"));
  CHECK(eventually([&] { return got == 1 && waiters() == 1; }));
  Party(Kind::Green, [&] {
    CHECK(send(pair.b, "1234U", 5, MSG_OOB) == 5);
    CHECK(put(pair.b, "behi"));
  });
  CHECK(eventually([&] { return got == 9 && waiters() == 1; }));
  CHECK(put(pair.b, "next"));
  reads.join();
  CHECK(all == "a1234behinext");
}

TEST_CASE("time, stop token and stop request end a read, and the file goes on") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    TcpPair pair;
    file a(pair.give(&Ends::a));
    char byte;
    Party(kind, [&] {
      CHECK(a.read(&byte, 1, 0s).error() == CW_E_TIMEOUT);
      const auto begun = std::chrono::steady_clock::now();
      CHECK(a.read(&byte, 1, 20ms).error() == CW_E_TIMEOUT);
      CHECK(std::chrono::steady_clock::now() - begun >= 20ms);
      std::stop_source source;
      source.request_stop();
      CHECK(a.read(&byte, 1, source.get_token()).error() == CW_E_CANCELLED);
      CHECK(a.read(&byte, 0, 0s).value_or(7) == 0);
    });
    std::stop_source source;
    Party waits(kind, [&] { CHECK(a.read(&byte, 1, 1h, source.get_token()).error() == CW_E_CANCELLED); });
    CHECK(eventually([] { return waiters() == 1; }));
    source.request_stop();
    waits.join();
    if (kind == Kind::Green) {
      Party stopped(kind, [&] { CHECK(a.read(&byte, 1).error() == CW_E_CANCELLED); });
      CHECK(eventually([] { return waiters() == 1; }));
      stopped.request_stop();
    }
    // What is there goes before a stop and a time that is up, also right after a read that emptied the socket.
    CHECK(put(pair.b, "abc"));
    Party(kind, [&] {
      CHECK(wait_readable(a.fd()) == CW_OK);
      char room[8];
      CHECK(a.read(room, sizeof room, 0s).value_or(0) == 3);
      CHECK(put(pair.b, "d"));
      CHECK(eventually([&] { return wait_readable(a.fd(), 0s) == CW_OK; }));
      CHECK(a.read(room, sizeof room, source.get_token()).value_or(0) == 1);
      CHECK(put(pair.b, "e"));
      CHECK(eventually([&] { return wait_readable(a.fd(), 0s) == CW_OK; }));
      CHECK(a.read(room, sizeof room, 0s).value_or(0) == 1);
    });
  }
}

TEST_CASE("a write that is ended in the middle tells how much went, and the next one why") {
  const Runtime runtime(2);
  Pipe pipe;
  file out(pipe.give(&Ends::b));
  std::vector<char> data(1'000'000, 'x');
  Party(Kind::Green, [&] {
    const auto put = out.write(data.data(), data.size(), 20ms);
    CHECK(put.value_or(0) > 0);
    CHECK(put.value_or(0) < data.size());
    CHECK(out.write(data.data(), 1, 1ms).error() == CW_E_TIMEOUT);
  });
}

TEST_CASE("connect and accept: connections, a refusal, a time-out, and the peer's address") {
  const Runtime runtime(2);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    Listener listening;
    const sockaddr_in address = listening.address;
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    file listener(listening.give());
    Party(kind, [&] { CHECK(listener.accept(1ms).error() == CW_E_TIMEOUT); });
    Party accepts(kind, [&] {
      for (int i = 0; i < 10; ++i) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        auto connection = listener.accept(reinterpret_cast<sockaddr*>(&peer), &size);
        REQUIRE(connection.has_value());
        CHECK(size == sizeof peer);
        CHECK(peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        CHECK_FALSE(blocks(connection->fd()));
        CHECK((fcntl(connection->fd(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(connection->write("hi", 2).value_or(0) == 2);
      }
    });
    Party(Kind::Green, [&] {
      for (int i = 0; i < 10; ++i) {
        file client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CHECK(client.connect(to, sizeof address).has_value());
        CHECK(read_text(client) == "hi");
        CHECK(read_text(client).empty());
      }
    });
    accepts.join();
    CHECK(listener.close().has_value());
    Party(kind, [&] {
      file client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto refused = client.connect(to, sizeof address);
      CHECK(refused.error() == CW_E_SYSTEM);
      CHECK(errno == ECONNREFUSED);
      CHECK(std::string(cw_last_error()).find("connect") != std::string::npos);
    });
  }
}

TEST_CASE("a local socket whose listener is full: connect waits for its turn") {
  const Runtime runtime(2);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "causeway-test-" + std::to_string(getpid());
  std::memcpy(address.sun_path + 1, path.data(), path.size());  // abstract: no file is left
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + path.size());
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  file listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(bind(listener.fd(), to, size) == 0);
  REQUIRE(listen(listener.fd(), 0) == 0);
  std::atomic<int> connected{0};
  std::vector<Party> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back(i == 3 ? Kind::Thread : Kind::Green, [&] {
      file client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      CHECK(client.connect(to, size).has_value());
      ++connected;
      CHECK(read_text(client).empty());
    });
  Party(Kind::Green, [&] {
    file full(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK(eventually([&] { return connected >= 1; }));
    CHECK(full.connect(to, size, 5ms).error() == CW_E_TIMEOUT);
    for (int i = 0; i < 4; ++i) CHECK(listener.accept().has_value());
  });
}

TEST_CASE("close() ends the waits of others and all later calls, and closes the number once the last has left") {
  const Runtime runtime(2);
  for (const Kind waiter : kKinds) {
    for (const Kind closer : kKinds) {
      CAPTURE(name(waiter));
      CAPTURE(name(closer));
      TcpPair pair;
      const int number = pair.a;
      file a(pair.give(&Ends::a));
      std::atomic<int> closed{0};
      std::vector<Party> parties;
      for (int i = 0; i < 3; ++i)
        parties.emplace_back(waiter, [&] {
          char byte;
          CHECK(a.read(&byte, 1).error() == CW_E_CLOSED);
          ++closed;
        });
      parties.emplace_back(waiter, [&] { CHECK(wait_readable(number) == CW_E_CLOSED); });
      CHECK(eventually([] { return waiters() == 4; }));
      Party(closer, [&] {
        CHECK(a.close().has_value());
        CHECK(a.close().error() == CW_E_CLOSED);
        char byte;
        CHECK(a.read(&byte, 1).error() == CW_E_CLOSED);
        CHECK(a.write("x", 1).error() == CW_E_CLOSED);
        CHECK(a.fd() == -1);
      });
      for (Party& party : parties) party.join();
      CHECK(closed == 3);
      CHECK(eventually([&] { return !is_open(number); }));
      CHECK(waiters() == 0);
    }
  }
}

TEST_CASE("a file that is closed and destroyed under calls: none of them meets the number's next owner") {
  // The next owner's bytes are watched: a reader of the old file that read the new number would take one.
  const Runtime runtime(2);
  for (int round = 0; round < 200; ++round) {
    TcpPair old_pair;
    auto old_file = std::make_unique<file>(old_pair.give(&Ends::a));
    std::vector<Party> parties;
    std::atomic<int> inside{0};
    for (int i = 0; i < 2; ++i)
      parties.emplace_back(i == 0 ? Kind::Green : Kind::Thread, [&, raw = old_file.get()] {
        ++inside;
        char byte;
        for (;;) {
          const auto got = raw->read(&byte, 1);
          if (!got) {
            CHECK(got.error() == CW_E_CLOSED);
            return;
          }
          CHECK(*got == 1);
          CHECK(byte == 'o');
        }
      });
    CHECK(eventually([&] { return inside == 2; }));
    static_cast<void>(put(old_pair.b, "ooo"));
    CHECK(old_file->close().has_value());
    TcpPair next_pair;  // takes the lowest free numbers: often the old one
    file next(next_pair.give(&Ends::a));
    CHECK(put(next_pair.b, "nnnn"));
    for (Party& party : parties) party.join();
    old_file.reset();
    std::string text;
    Party(Kind::Green, [&] {
      while (text.size() < 4) text += read_text(next);
    });
    CHECK(text == "nnnn");
  }
}

TEST_CASE("a number comes and goes between files: each wait is for its own") {
  const Runtime runtime(2);
  for (int round = 0; round < 300; ++round) {
    LocalPair pair;
    file a(pair.give(&Ends::a));
    Party reads(round % 7 == 0 ? Kind::Thread : Kind::Green, [&] { CHECK(read_text(a) == "mine"); });
    if (round % 2 == 0) eventually([] { return waiters() == 1; });
    CHECK(put(pair.b, "mine"));
  }
}

TEST_CASE("a raw wait for the number of a file is level-triggered too") {
  const Runtime runtime(2);
  TcpPair pair;
  file a(pair.give(&Ends::a));
  for (const Kind kind : kKinds) {
    CHECK(put(pair.b, "x"));
    Party(Kind::Green, [&] { CHECK(read_text(a, 1) == "x"); });  // registered, and emptied
    Party waits(kind, [&] {
      CHECK(wait_writable(a.fd()) == CW_OK);
      CHECK(wait_readable(a.fd()) == CW_OK);
      CHECK(wait_readable(a.fd()) == CW_OK);
      CHECK(read_text(a, 1) == "y");
    });
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(put(pair.b, "y"));
    waits.join();
    // And the file's own waits go on as before.
    Party reads(kind, [&] { CHECK(read_text(a, 1) == "z"); });
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(put(pair.b, "z"));
  }
}

TEST_CASE("blocking descriptors are made non-blocking, and given back as they were") {
  const Runtime runtime(1);
  Pipe blocking(0), other(O_NONBLOCK);
  const int number = blocking.a;
  file a(blocking.give(&Ends::a)), b(other.give(&Ends::a));
  CHECK_FALSE(blocks(number));
  CHECK(a.fd() == number);
  file moved(std::move(a));
  CHECK(moved.fd() == number);
  CHECK(a.fd() == -1);  // NOLINT(bugprone-use-after-move): what is left of it is what is tested
  CHECK_FALSE(static_cast<bool>(a));
  char byte;
  CHECK(a.read(&byte, 1).error() == CW_E_CLOSED);
  CHECK(a.close().error() == CW_E_CLOSED);
  {
    Party waits(Kind::Green, [&] { CHECK(moved.read(&byte, 1).error() == CW_E_CLOSED); });
    CHECK(eventually([] { return waiters() == 1; }));
    CHECK(moved.release() == -1);  // somebody uses it
    CHECK(std::string(cw_last_error()).find("uses") != std::string::npos);
    Party(Kind::Green, [&] { CHECK(moved.read(&byte, 1, 1ms).error() == CW_E_TIMEOUT); });
    file third(std::move(b));
    const int kept = third.release();
    CHECK(kept >= 0);
    CHECK_FALSE(blocks(kept));
    CHECK(third.fd() == -1);
    close(kept);
    CHECK(moved.close().has_value());
  }
  Pipe again(0);
  const int again_number = again.a;
  file c(again.give(&Ends::a));
  CHECK(c.release() == again_number);
  CHECK(blocks(again_number));
  CHECK(is_open(again_number));
  close(again_number);
}

TEST_CASE("what cannot be adopted stays the caller's, with a text") {
  const Runtime runtime(1);
  const int closed = dup(0);
  close(closed);
  for (const int fd : {-1, closed}) {
    CHECK(file::adopt(fd).error() == CW_E_INVALID);
    CHECK(sched_test::status_of([&] { file f(fd); }) == CW_E_INVALID);
  }
  CHECK(std::string(cw_last_error()).find("not an open descriptor") != std::string::npos);
}

TEST_CASE("regular files, eventfds and datagrams are files too") {
  const Runtime runtime(2);
  FILE* regular = std::tmpfile();
  REQUIRE(regular != nullptr);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    Party(kind, [&] {
      file plain(dup(fileno(regular)));
      CHECK(plain.write("text", 4).value_or(0) == 4);
      lseek(plain.fd(), 0, SEEK_SET);
      CHECK(read_text(plain, 4) == "text");
      lseek(plain.fd(), 0, SEEK_END);
      CHECK(read_text(plain).empty());
      lseek(plain.fd(), 0, SEEK_SET);
    });
    file event(eventfd(0, EFD_CLOEXEC));
    Party waits(kind, [&] {
      uint64_t count = 0;
      CHECK(event.read(&count, sizeof count).value_or(0) == sizeof count);
      CHECK(count == 3);
    });
    CHECK(eventually([] { return waiters() == 1; }));
    const uint64_t three = 3;
    CHECK(event.write(&three, sizeof three).value_or(0) == sizeof three);
    waits.join();
    LocalPair pair(SOCK_DGRAM);
    file datagrams(pair.give(&Ends::a));
    CHECK(put(pair.b, "one"));
    Party(kind, [&] {
      CHECK(read_text(datagrams) == "one");
      CHECK(datagrams.read(std::span<std::byte>(), 1h).value_or(7) == 0);
    });
  }
  std::fclose(regular);
}

TEST_CASE("two datagrams with one edge: a short read says nothing about the next one") {
  const Runtime runtime(1);  // and a writer that does not park: the reader gets one edge for both
  LocalPair pair(SOCK_DGRAM);
  file datagrams(pair.give(&Ends::a));
  std::atomic<bool> first{false};
  Party reads(Kind::Green, [&] {
    CHECK(read_text(datagrams) == "one");
    first = true;
    CHECK(read_text(datagrams) == "two");
    CHECK(read_text(datagrams) == "three");
  });
  CHECK(put(pair.b, "one"));
  CHECK(eventually([&] { return first && waiters() == 1; }));
  Party(Kind::Green, [&] {
    CHECK(put(pair.b, "two"));
    CHECK(put(pair.b, "three"));
  });
}

TEST_CASE("an edge between the attempt and the wait is not lost") {
  // Answers come at once, from a plain thread on another CPU, and busy processors look for events meanwhile: now and then one comes in between.
  const Runtime runtime(2);
  TcpPair pair;
  file a(pair.give(&Ends::a));
  std::thread peer([fd = pair.b] {
    char byte;
    while (::read(fd, &byte, 1) == 1 && ::write(fd, &byte, 1) == 1) {}
  });
  std::atomic<bool> over{false};
  Party busy(Kind::Green, [&] {
    while (!over) causeway::this_green::yield();
  });
  Party asks(Kind::Green, [&] {
    for (int i = 0; i < 5000; ++i) {
      char byte = 'x';
      if (a.write(&byte, 1).value_or(0) != 1 || a.read(&byte, 1).value_or(0) != 1) {
        CHECK_MESSAGE(false, "ping-pong");
        break;
      }
    }
  });
  asks.join();
  over = true;
  busy.join();
  CHECK(a.close().has_value());
  peer.join();
}

std::atomic<int> pipe_signals{0};

TEST_CASE("writing to a socket whose peer is gone is an error, and no SIGPIPE") {
  const Runtime runtime(2);
  struct sigaction count{}, before{};
  count.sa_handler = [](int) { ++pipe_signals; };
  sigaction(SIGPIPE, &count, &before);
  for (const Kind kind : kKinds) {
    CAPTURE(name(kind));
    LocalPair pair;
    file a(pair.give(&Ends::a));
    Ends::drop(pair.b);
    Party(kind, [&] {
      CHECK(a.write("x", 1).error() == CW_E_SYSTEM);
      CHECK(errno == EPIPE);
      CHECK(std::string(cw_last_error()).find("write") != std::string::npos);
    });
  }
  CHECK(pipe_signals == 0);
  sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("many green threads share one connection in both directions") {
  // Each direction has two users at once; what is read in all is what was written in all.
  const Runtime runtime(2);
  TcpPair pair;
  file a(pair.give(&Ends::a)), b(pair.give(&Ends::b));
  constexpr size_t kEach = 200'000;
  std::atomic<size_t> got{0};
  std::vector<Party> readers, writers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back(i == 0 ? Kind::Green : Kind::Thread, [&] {
      char room[3000];
      for (;;) {
        const auto n = a.read(room, sizeof room);
        REQUIRE(n.has_value());
        if (*n == 0) return;
        got += *n;
      }
    });
    writers.emplace_back(i == 0 ? Kind::Thread : Kind::Green, [&] {
      const std::string text(kEach, 't');
      CHECK(b.write(text.data(), text.size()).value_or(0) == kEach);
    });
  }
  for (Party& party : writers) party.join();
  CHECK(b.close().has_value());
  for (Party& party : readers) party.join();
  CHECK(got == 2 * kEach);
}

#if !CW_ASAN && !CW_TSAN
TEST_CASE("a green thread that waits in a read uses a part of one page of stack") {
  const Runtime runtime(1);
  TcpPair pair;
  file a(pair.give(&Ends::a));
  causeway::sched::G* g = nullptr;
  std::atomic<bool> first{false};
  Party waits(Kind::Green, [&] {
    g = causeway::sched::current_green();
    char room[64];
    CHECK(a.read(room, sizeof room).value_or(0) == 4);
    first = true;
    CHECK(a.read(room, sizeof room).value_or(0) == 5);
  });
  CHECK(put(pair.b, "ping"));
  CHECK(eventually([&] { return first && waiters() == 1 && causeway::stats().greens_parked == 1; }));
  const auto depth = static_cast<size_t>(g->stack.high - static_cast<std::byte*>(g->sp));
  MESSAGE("stack in use: ", depth, " bytes");
  CHECK(depth < 2048 + 960);  // the second: by what stacks are shifted, so that they do not all meet in one cache set
  CHECK(put(pair.b, "hello"));
}
#endif

}  // namespace
