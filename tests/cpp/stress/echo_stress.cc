// SPDX-License-Identifier: MIT
//
// A loopback echo server of green threads under 10 000 connections at once, whose clients are green threads of a child process. Each client
// sends messages of random lengths with something that only it sends, and checks what comes back; all connections are open at one time before
// the first may end.
//
// Each process needs 10 100 descriptors. The soft limit is raised; where the hard limit is lower it runs with as many connections as that allows,
// and says so. Under sanitizers, and with CAUSEWAY_TEST_FEW=1 (an emulator), it is 500.
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <vector>

#include "runtime/base/base.hpp"
#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;
using causeway::io::file;

constexpr unsigned kWanted = CW_ASAN != 0 || CW_TSAN != 0 ? 500 : 10'000;
constexpr unsigned kSpare = 100;  // descriptors that are not connections
constexpr unsigned kMessages = 5;
constexpr unsigned kConnecting = 256;  // at one time: less than the kernel keeps for a listener

unsigned connections() {
  rlimit limit{};
  require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  const char* few = std::getenv("CAUSEWAY_TEST_FEW");
  const unsigned wanted = few != nullptr && std::strcmp(few, "1") == 0 ? 500 : kWanted;
  const rlim_t needed = rlim_t{wanted} + kSpare;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  }
  if (limit.rlim_cur >= needed) return wanted;
  const auto allowed = static_cast<unsigned>(limit.rlim_cur - kSpare);
  std::printf("RLIMIT_NOFILE is %llu: %u connections instead of %u\n", static_cast<unsigned long long>(limit.rlim_cur), allowed, wanted);
  return allowed;
}

file listen_on_loopback(sockaddr_in& address) {
  file listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  require(bind(listener.fd(), reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  require(listen(listener.fd(), 4096) == 0, "listen");
  require(getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  return listener;
}

std::atomic<unsigned> served{0}, checked{0};

void serve(file connection) {
  std::array<char, 300> room;
  for (;;) {
    const auto n = connection.read(room.data(), room.size());
    require(n.has_value(), "server read:", cw_last_error());
    if (*n == 0) break;
    require(connection.write(room.data(), *n).value_or(0) == *n, "server write:", cw_last_error());
  }
  served.fetch_add(1);
}

void run_client(unsigned id, uint64_t seed, const sockaddr_in& address, causeway::channel<char>& connecting,
                causeway::wait_group& all_open) {
  Random random(seed + id);
  require(connecting.send('c'), "the channel is open");
  file connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto connected = connection.connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  require(connected.has_value(), "connect:", cw_last_error());
  static_cast<void>(connecting.receive());
  for (unsigned m = 0; m < kMessages; ++m) {
    if (m == 1) {  // after one message each, all are open
      all_open.done();
      all_open.wait();
    }
    std::array<char, 256> sent, got;
    const unsigned size = 1 + random.below(sent.size());
    for (unsigned i = 0; i < size; ++i) sent[i] = static_cast<char>(id * 31 + m * 7 + i + random.below(3));
    require(connection.write(sent.data(), size).value_or(0) == size, "client write:", cw_last_error());
    for (unsigned n = 0; n < size;) {
      const auto part = connection.read(got.data() + n, size - n);
      require(part.has_value() && *part != 0, "client read:", cw_last_error());
      n += static_cast<unsigned>(*part);
    }
    require(std::memcmp(sent.data(), got.data(), size) == 0, "somebody else's message came back");
    if (random.below(4) == 0) causeway::this_green::yield();
  }
  checked.fetch_add(kMessages);
}

void run_clients(unsigned n, uint64_t seed, const sockaddr_in& address) {
  causeway::runtime runtime(causeway::options{.processors = 2});
  causeway::channel<char> connecting(kConnecting);
  causeway::wait_group all_open;
  all_open.add(n);
  std::vector<causeway::task<void>> clients;
  clients.reserve(n);
  for (unsigned i = 0; i < n; ++i) clients.push_back(causeway::spawn([&, i] { run_client(i, seed, address, connecting, all_open); }));
  for (auto& client : clients) client.join();
  require(checked == n * kMessages, "messages");
  require(runtime.stop(30s) == CW_OK, "stop of the clients:", cw_last_error());
}

void run_server(unsigned n, file& listener) {
  causeway::runtime runtime(causeway::options{.processors = 2});
  served = 0;
  auto accepting = causeway::spawn([&] {
    for (unsigned i = 0; i < n; ++i) {
      auto connection = listener.accept();
      require(connection.has_value(), "accept:", cw_last_error());
      causeway::go([c = std::move(*connection)]() mutable { serve(std::move(c)); });
    }
  });
  accepting.join();
  const auto limit = Clock::now() + 50s;
  while (served != n) {
    require(Clock::now() < limit, "connections that are not served to their end");
    std::this_thread::sleep_for(1ms);
  }
  require(runtime.stop(30s) == CW_OK, "stop of the server:", cw_last_error());
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = seed_of(argc, argv);
  const Watchdog watchdog;
  const unsigned n = connections();
  std::fflush(stdout);
  const auto end = Clock::now() + time_box();
  unsigned rounds = 0;
  do {
    sockaddr_in address{};
    file listener = listen_on_loopback(address);
    const pid_t clients = fork();  // nothing of ours runs at this moment
    require(clients >= 0, "fork");
    if (clients == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      run_clients(n, seed + rounds, address);
      _exit(0);
    }
    run_server(n, listener);
    int status = 0;
    require(waitpid(clients, &status, 0) == clients && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the clients failed");
    ++rounds;
  } while (Clock::now() < end);
  std::printf("%u connections at once, %u messages each, %u rounds\n", n, kMessages, rounds);
  return 0;
}
