// SPDX-License-Identifier: MIT
//
// Rows echo and echo-many: how fast an echo server answers, and what a connection costs it.
//
//   echo_load SERVER echo/one-p|echo/all-p|echo-many/all-p [--smoke]
//
// The load generator is the same for every server: one thread, raw epoll, one message of 64 bytes under way on each connection, each
// answer checked. one-p: the server has the last CPU of the mask for itself, the generator the others, and the server is what limits (its
// CPU time per message is nearly the time of a message). all-p: both share all CPUs.
//
//   ns      time of a message: the counted second divided by the answers in it
//   bytes   growth of the server's VmRSS + VmPTE from one used connection to all connections at rest after use, per connection
//   cpu_ns  CPU time of the server's threads per message
#include "bench/echo/server_process.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace {

constexpr std::size_t kMessage = 64;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "echo load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// One connection; its messages carry a number that changes each time.
class Connection {
 public:
  Connection(std::uint16_t port, int epoll) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    const linger reset{1, 0};  // thousands of ports are free again at once
    if (fd_ < 0 || connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) { give_up("connect"); }
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd_, &event) != 0) { give_up("epoll_ctl"); }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(fd_); }

  void send_next() {
    std::memcpy(sent_.data(), &++number_, sizeof number_);
    received_ = 0;
    if (send(fd_, sent_.data(), kMessage, MSG_NOSIGNAL) != static_cast<ssize_t>(kMessage)) { give_up("send"); }
  }

  // After a readable event. True: the answer is whole.
  bool receive() {
    const ssize_t got = recv(fd_, answer_.data() + received_, kMessage - received_, MSG_DONTWAIT);
    if (got <= 0) { give_up(got == 0 ? "the server closed a connection" : "recv"); }
    received_ += static_cast<std::size_t>(got);
    if (received_ < kMessage) { return false; }
    if (answer_ != sent_) { give_up("an answer is not what was sent"); }
    return true;
  }

 private:
  int fd_;
  std::size_t received_ = 0;
  std::uint64_t number_ = 0;
  std::array<char, kMessage> sent_{};
  std::array<char, kMessage> answer_{};
};

// The connections of one server.
class Load {
 public:
  explicit Load(std::uint16_t port) : port_(port), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) { give_up("epoll_create1"); }
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { close(epoll_); }

  void connect_up_to(std::size_t count) {
    while (connections_.size() < count) { connections_.push_back(std::make_unique<Connection>(port_, epoll_)); }
  }

  // Sends on every connection and answers each answer until `end_ns`; then waits for the last ones. The answers until then.
  std::uint64_t exchange_until(std::uint64_t end_ns) {
    for (const auto& connection : connections_) { connection->send_next(); }
    std::array<epoll_event, 256> events;
    std::uint64_t answers = 0;
    for (std::size_t under_way = connections_.size(); under_way != 0;) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 10'000);
      if (count <= 0) { give_up("no answer for 10 s"); }
      const bool over = bench::now_ns() >= end_ns;
      for (int i = 0; i < count; ++i) {
        auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (!connection.receive()) { continue; }
        if (over) {
          --under_way;
        } else {
          ++answers;
          connection.send_next();
        }
      }
    }
    return answers;
  }

 private:
  std::uint16_t port_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

// one-p: the last CPU for the server and the others for us.
cpu_set_t place(const bench::Run& run) {
  cpu_set_t all;
  CPU_ZERO(&all);
  sched_getaffinity(0, sizeof all, &all);
  if (run.variant != "one-p") { return all; }
  int last = CPU_SETSIZE - 1;
  while (last > 0 && !CPU_ISSET(last, &all)) { --last; }
  cpu_set_t server;
  CPU_ZERO(&server);
  CPU_SET(last, &server);
  CPU_CLR(last, &all);
  if (CPU_COUNT(&all) != 0) { sched_setaffinity(0, sizeof all, &all); }
  return server;
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s SERVER ROW [--smoke]\n", argv[0]);
    return 2;
  }
  const bench::Run run = bench::parse(argc - 1, argv + 1);
  if (run.subject != "echo" && run.subject != "echo-many") { bench::unknown_row(run); }
  const std::size_t count = run.smoke ? 20 : run.subject == "echo" ? 1'000 : 10'000;
  const auto ms = [&](unsigned whole, unsigned smoke) { return std::uint64_t{run.smoke ? smoke : whole} * 1'000'000; };

  raise_descriptor_limit();
  const bench::ServerProcess server(argv[1], "echo-server/" + run.variant, place(run));
  Load load(server.port());
  load.connect_up_to(1);
  load.exchange_until(bench::now_ns() + ms(50, 5));
  const std::uint64_t before = server.resident_bytes();
  load.connect_up_to(count);
  load.exchange_until(bench::now_ns() + ms(300, 10));

  const double cpu_before = server.cpu_ns();
  const std::uint64_t start = bench::now_ns();
  const std::uint64_t span = ms(1'000, 30);
  const std::uint64_t answers = load.exchange_until(start + span);
  const double cpu = server.cpu_ns() - cpu_before;
  std::this_thread::sleep_for(std::chrono::milliseconds(run.smoke ? 10 : 200));
  const auto grown = static_cast<double>(server.resident_bytes()) - static_cast<double>(before);
  if (answers == 0) { give_up("no answer in time"); }
  bench::print(run, "echo", static_cast<double>(span) / static_cast<double>(answers), grown / static_cast<double>(count - 1),
               {{"cpu_ns", cpu / static_cast<double>(answers)}});
  return 0;
}
