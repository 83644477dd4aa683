// SPDX-License-Identifier: MIT
//
// coroutine-host: C hosts with threads and coroutines of their own call green threads. README.md walks through it.
//
//   host/   the C library: threads, coroutines, and what they call; knows nothing of Causeway
//   app/    its user: the callbacks, and the green threads that they wait for
//   view/   numbers, live and at the end
#include <causeway/causeway.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "app/callbacks.hpp"
#include "app/service.hpp"
#include "check.h"
#include "host/host.h"
#include "options.hpp"
#include "view/json.hpp"
#include "view/screen.hpp"
#include "view/snapshot.hpp"

namespace {

using Clock = std::chrono::steady_clock;

// The four hosts: all are started, and all are stopped on every way out.
class Hosts {
 public:
  Hosts(unsigned threads, const host_callbacks& callbacks) {
    constexpr unsigned kCoroutinesPerThread = 16;
    const coro_kind* const kinds[] = {nullptr, &coro_ucontext, &coro_boost_context, &coro_boost_coroutine2};
    for (const coro_kind* kind : kinds) {
      hosts_.emplace_back(host_start(kind, threads, kCoroutinesPerThread, &callbacks));
      if (!hosts_.back()) throw std::runtime_error("a host could not be started: no memory, or no more threads");
    }
  }

  // Every suspended callback is continued to its end first.
  void stop() {
    for (const auto& host : hosts_) host_request_stop(host.get());
    for (const auto& host : hosts_) host_join(host.get());
  }

  std::vector<host_numbers> numbers() const {
    std::vector<host_numbers> all(hosts_.size());
    for (std::size_t i = 0; i < all.size(); i++) host_read(hosts_[i].get(), &all[i]);
    return all;
  }

 private:
  struct End {
    void operator()(host* h) const {
      host_request_stop(h);
      host_join(h);
      host_free(h);
    }
  };
  std::vector<std::unique_ptr<host, End>> hosts_;
};

int run(const Options& options) {
  const causeway::runtime rt;
  app::Service service(8);
  app::Callbacks callbacks(service, options.fault);
  Hosts hosts(options.threads, callbacks.table());

  const Clock::time_point start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const auto snapshot = [&] {
    return view::Snapshot{.seconds = seconds(),
                          .hosts = hosts.numbers(),
                          .parked_now = callbacks.parked_now(),
                          .parked = callbacks.parked(),
                          .checks = check_made(),
                          .failures = check_failed(),
                          .runtime = causeway::stats()};
  };

  const view::Snapshot first = snapshot();
  if (options.json) {
    std::this_thread::sleep_until(start + std::chrono::duration<double>(options.seconds));
    hosts.stop();
    view::print_json(first, snapshot(), check_first_failure());
  } else {
    view::Screen screen(options.seconds);
    while (seconds() < options.seconds) {
      screen.show(snapshot());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    hosts.stop();
    screen.finish(first, snapshot(), check_first_failure());
  }
  return check_failed() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  int status = 0;
  const std::optional<Options> options = read_options(argc, argv, &status);
  if (!options) return status;
  try {
    return run(*options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "coroutine-host: %s\n", failure.what());
    return 2;
  }
}
