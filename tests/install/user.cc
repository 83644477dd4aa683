// SPDX-License-Identifier: MIT
//
// The same for C++: a task that answers over a channel.
#include <causeway/causeway.hpp>
#include <cstdio>

int main() {
  causeway::runtime rt;
  causeway::channel<int> answers(0);
  auto task = causeway::spawn([&] { return answers.send(42); });
  const int answer = answers.receive().value_or(0);
  std::printf("answer %d\n", answer);
  return task.join() && answer == 42 ? 0 : 1;
}
