// SPDX-License-Identifier: MIT
//
// System calls on descriptors, for runtime/io. Each gives its result, or -errno; EINTR never comes out; errno itself is left as it was.
//
// They go through syscall(2), which is no cancellation point: a thread of the host that is cancelled is not unwound out of our frames. Builds
// with a sanitizer take the C library's functions, which the sanitizer watches.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace causeway::os {

// read(2), write(2).                                                                     Blocks: as the descriptor does
long read_some(int fd, void* to, size_t n) noexcept;
long write_some(int fd, const void* from, size_t n) noexcept;
// send(2) without waiting and without SIGPIPE.
long send_some(int fd, const void* from, size_t n) noexcept;
// accept4(2): the new descriptor does not block and is closed by exec.
int accept_one(int fd, sockaddr* address, socklen_t* size) noexcept;
// connect(2). EINTR, which leaves the connection under way, is told as EINPROGRESS.
int connect_once(int fd, const sockaddr* address, socklen_t size) noexcept;
// close(2). The descriptor is gone, whatever the answer.
int close_descriptor(int fd) noexcept;
// getsockopt(2) of SOL_SOCKET for an int; a negative value is -errno.
int socket_option(int fd, int option) noexcept;
// The name of the upper-layer protocol of a TCP socket is set (kernel TLS).
bool has_upper_protocol(int fd) noexcept;
// Whether it waits: 1, 0, or -errno.
int is_blocking(int fd) noexcept;
int set_blocking(int fd, bool blocking) noexcept;

// poll(2) of one descriptor without waiting: what is there of `events`, POLLERR, POLLHUP, POLLNVAL; 0 for nothing.
int poll_once(int fd, short events) noexcept;

// epoll and eventfd; closed by exec.
int epoll_create_one() noexcept;
int event_create_one() noexcept;
int epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t data) noexcept;
// Up to `room` events; waits up to timeout_ns (UINT64_MAX: for ever). A signal ends it with 0. Nanoseconds where the kernel has epoll_pwait2, else
// rounded up to milliseconds, so that a short time never becomes a wait of 0 that its caller would repeat.
int epoll_wait_some(int epoll, epoll_event* events, int room, uint64_t timeout_ns) noexcept;
// Makes an eventfd readable; takes that back.                                            Signal-safe: yes. Blocks: never
void event_raise(int fd) noexcept;
void event_clear(int fd) noexcept;

}  // namespace causeway::os
