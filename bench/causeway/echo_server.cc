// SPDX-License-Identifier: MIT
//
// The server of the echo rows: one green thread for each connection, with its buffer on its stack. Serves until it is killed;
// bench/echo/load.cc starts it and measures it from outside.
#include "bench/causeway/rows.hpp"
#include "bench/echo/listen.hpp"

#include <array>

namespace bench {
namespace {

void serve(causeway::io::file& connection) {
  std::array<char, kEchoBuffer> buffer;
  for (;;) {
    const auto got = connection.read(buffer.data(), buffer.size());
    if (!got || *got == 0) { return; }
    if (!connection.write(buffer.data(), *got)) { return; }
  }
}

}  // namespace

void echo_server_row(const Run& run) {
  causeway::runtime runtime{options_of(run)};
  on_green([] {
    causeway::io::file listener(listen_on_loopback());
    while (auto connection = listener.accept()) {
      causeway::go([connection = std::move(*connection)]() mutable { serve(connection); });
    }
  });
}

}  // namespace bench
