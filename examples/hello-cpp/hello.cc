// SPDX-License-Identifier: MIT
//
// causeway::entry<&f> is a C function pointer: here pthread_create() gets one. What the new thread runs is a green thread: it parks at a channel.
#include <causeway/causeway.hpp>

#include <pthread.h>

#include <cstdio>

void* receive(void* from) {
  for (int number : *static_cast<causeway::channel<int>*>(from)) std::printf("%d\n", number);
  return nullptr;
}

int main() {
  causeway::channel<int> numbers;
  pthread_t thread;
  if (pthread_create(&thread, nullptr, causeway::entry<&receive>, &numbers) != 0) return 1;
  for (int number : {1, 2, 3}) numbers.send(number);
  numbers.close();
  return pthread_join(thread, nullptr);
}
