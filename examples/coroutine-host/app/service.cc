// SPDX-License-Identifier: MIT
//
// The service: see service.hpp. Its green threads run on the runtime's own OS threads, and call C in the two ways that matter there: a call
// that lasts, and one that calls back.
#include "app/service.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "check.h"
#include "host/host.h"

namespace app {
namespace {

// qsort() knows nothing of green threads. It runs on the C stack, and each comparison is a call in, nested in the call out.
int by_size(const void* left, const void* right) {
  const auto a = *static_cast<const std::uint64_t*>(left), b = *static_cast<const std::uint64_t*>(right);
  return (a > b) - (a < b);
}

void sort_some(std::uint64_t seed) {
  std::array<std::uint64_t, 32> numbers;
  for (std::uint64_t& number : numbers) number = seed = seed * 6364136223846793005u + 1442695040888963407u;
  causeway::call(std::qsort, numbers.data(), numbers.size(), sizeof numbers[0], causeway::entry<&by_size>);
  check_that(std::is_sorted(numbers.begin(), numbers.end()), "qsort with a comparison on green threads: the order");
}

}  // namespace

Service::Service(unsigned green_threads) {
  for (unsigned i = 0; i < green_threads; i++) green_threads_.push_back(causeway::spawn({.name = "service"}, [this] { serve(); }));
}

Service::~Service() {
  questions_.close();
  for (auto& green_thread : green_threads_) green_thread.join();
}

std::uint64_t Service::ask(std::uint64_t number) {
  causeway::channel<std::uint64_t> answer;
  if (!questions_.send({number, &answer})) return 0;
  return answer.receive().value_or(0);
}

void Service::serve() {
  for (const Question& question : questions_) {
    const std::uint64_t number = question.number;
    if (number % 8 == 0) causeway::call(host_fetch);  // lasts: the runtime notices, and gives the slot to another green thread
    else sort_some(number);
    question.answer->send(host_answer(number));
  }
}

}  // namespace app
