// SPDX-License-Identifier: MIT
//
// Threads that the C library makes for itself call in: of a timer (SIGEV_THREAD), of getaddrinfo_a() and of asynchronous I/O (FAULTS 18).
//
// Risk: they have every signal blocked and small stacks, are detached, and nobody joins them. The thread sanitizer does not see them begin,
// so these cases are not for it.
#include "tests/cpp/inbound/support.hpp"

#if !CW_TSAN

#include <aio.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

namespace {

using namespace crossing_test;

std::atomic<int> calls{0};
std::atomic<int> wrong{0};

int on_event(int value) {
  if (cw_on_green() != 1) ++wrong;
  causeway::this_green::sleep_for(10us);
  ++calls;
  return value;
}

void on_notification(sigval value) {
  if (causeway::entry<&on_event>(value.sival_int) != value.sival_int) ++wrong;
}

sigevent by_thread(int value) {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = &on_notification;
  event.sigev_value.sival_int = value;
  return event;
}

// They are detached: their places are given back a little later.
void all_over(int expected) {
  CHECK(eventually([&] { return calls == expected; }));
  CHECK(wrong == 0);
  CHECK(eventually([] { return stats().foreign_threads == 0; }));
}

TEST_CASE("threads of a POSIX timer call in") {
  Runtime runtime(2);
  calls = wrong = 0;
  for (int i = 0; i < 10; ++i) {
    sigevent event = by_thread(i);
    timer_t timer;
    REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    itimerspec once{};
    once.it_value.tv_nsec = 1;
    CHECK(timer_settime(timer, 0, &once, nullptr) == 0);
    CHECK(eventually([&] { return calls == i + 1; }));
    CHECK(timer_delete(timer) == 0);
  }
  all_over(10);
}

TEST_CASE("threads of getaddrinfo_a() call in") {
  Runtime runtime(2);
  calls = wrong = 0;
  for (int i = 0; i < 10; ++i) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;  // nothing is asked for on a network
    gaicb request{};
    request.ar_name = "127.0.0.1";
    request.ar_service = "80";
    request.ar_request = &hints;
    gaicb* list[1] = {&request};
    sigevent event = by_thread(i);
    REQUIRE(getaddrinfo_a(GAI_NOWAIT, list, 1, &event) == 0);
    CHECK(eventually([&] { return calls == i + 1; }));
    CHECK(gai_error(&request) == 0);
    if (request.ar_result != nullptr) freeaddrinfo(request.ar_result);
  }
  all_over(10);
}

TEST_CASE("threads of asynchronous I/O call in") {
  Runtime runtime(2);
  calls = wrong = 0;
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
  for (int i = 0; i < 10; ++i) {
    char byte = 'x';
    aiocb request{};
    request.aio_fildes = fds[1];
    request.aio_buf = &byte;
    request.aio_nbytes = 1;
    request.aio_sigevent = by_thread(i);
    REQUIRE(aio_write(&request) == 0);
    CHECK(eventually([&] { return calls == i + 1; }));
    CHECK(aio_error(&request) == 0);
    CHECK(aio_return(&request) == 1);
  }
  close(fds[0]);
  close(fds[1]);
  all_over(10);
}

}  // namespace

#endif
