// SPDX-License-Identifier: MIT
//
// Green threads that answer questions: what the callbacks wait for. Questions come over one channel, each answer goes back over the asker's.
#pragma once

#include <causeway/causeway.hpp>

#include <cstdint>
#include <vector>

namespace app {

class Service {
 public:
  explicit Service(unsigned green_threads);
  ~Service();  // answers what was asked, then ends
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Waits for the answer: parks the green thread that asks.
  std::uint64_t ask(std::uint64_t number);

 private:
  struct Question {
    std::uint64_t number;
    causeway::channel<std::uint64_t>* answer;  // the asker's, which waits there
  };

  void serve();

  causeway::channel<Question> questions_{4};
  std::vector<causeway::task<void>> green_threads_;
};

}  // namespace app
