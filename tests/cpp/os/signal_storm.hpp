// SPDX-License-Identifier: MIT
//
// A thread that sends SIGUSR2 to its maker without pause, with a handler that has no SA_RESTART: every blocking call meets EINTR.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "runtime/os/os.hpp"

namespace causeway::test {

class SignalStorm {
 public:
  SignalStorm() : target_(pthread_self()) {
    count_.store(0);
    struct sigaction action{};
    action.sa_handler = [](int) { count_.fetch_add(1); };
    sigaction(SIGUSR2, &action, &before_);
    sender_ = std::thread([this] {
      while (!stop_.load()) {
        pthread_kill(target_, SIGUSR2);
        os::sleep_ns(100'000);
      }
    });
  }
  ~SignalStorm() {
    stop_.store(true);
    sender_.join();
    sigaction(SIGUSR2, &before_, nullptr);
  }
  int delivered() const { return count_.load(); }

 private:
  static inline std::atomic<int> count_{0};
  pthread_t target_;
  std::atomic<bool> stop_{false};
  struct sigaction before_{};
  std::thread sender_;
};

}  // namespace causeway::test
