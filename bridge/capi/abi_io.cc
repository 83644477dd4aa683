// SPDX-License-Identifier: MIT
//
// What causeway/abi.h exports of runtime/io. The C++ header is the only caller and passes valid pointers. A failed call leaves its text for
// cw_last_error(), and the system's reason in errno.
#include <cerrno>

#include "bridge/capi/last_error.hpp"
#include "bridge/capi/runtime.hpp"
#include "causeway/abi.h"
#include "runtime/io/io.hpp"

namespace capi = causeway::capi;
namespace io = causeway::io;
namespace base = causeway::base;

namespace {

io::File* inner(cw_abi_io_file* file) noexcept { return reinterpret_cast<io::File*>(file); }

CW_COLD cw_status failed(const base::Error& error) noexcept {
  const cw_status status = capi::fail(error);
  if (error.sys_errno != 0) errno = error.sys_errno;
  return status;
}

io::Limits limits_of(uint64_t timeout_ns, cw_abi_stop_wait* stop) noexcept {
  io::Limits limits;
  limits.timeout_ns = timeout_ns;
  limits.stop = causeway::sched::stop_point(stop);
  return limits;
}

// Calls, and if that takes a runtime and there is none, starts one and calls again.
template <class Call>
auto with_runtime(Call call, cw_status* status) noexcept {
  for (;;) {
    auto result = call();
    *status = CW_OK;
    if (result) [[likely]]
      return result;
    if (result.error().code != CW_E_NOT_READY) {
      *status = failed(result.error());
      return result;
    }
    *status = capi::ensure_started();
    if (*status != CW_OK) return result;
  }
}

}  // namespace

extern "C" {

cw_status cw_abi_io_wait(int fd, int direction, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  cw_status status;
  const auto how = direction == CW_ABI_IO_READ ? io::Direction::Read : io::Direction::Write;
  static_cast<void>(with_runtime([&] { return io::wait_until_ready(fd, how, limits_of(timeout_ns, stop)); }, &status));
  return status;
}

cw_status cw_abi_io_adopt(int fd, cw_abi_io_file** out) {
  const auto file = io::File::adopt(fd);
  if (!file) return failed(file.error());
  *out = reinterpret_cast<cw_abi_io_file*>(*file);
  return CW_OK;
}

cw_status cw_abi_io_read(cw_abi_io_file* file, void* to, size_t n, size_t* got, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  cw_status status;
  const auto result = with_runtime([&] { return inner(file)->read(to, n, limits_of(timeout_ns, stop)); }, &status);
  if (status == CW_OK) *got = *result;
  return status;
}

cw_status cw_abi_io_write(cw_abi_io_file* file, const void* from, size_t n, size_t* put, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  cw_status status;
  const auto result = with_runtime([&] { return inner(file)->write(from, n, limits_of(timeout_ns, stop)); }, &status);
  if (status == CW_OK) *put = *result;
  return status;
}

cw_status cw_abi_io_accept(cw_abi_io_file* file, void* address, uint32_t* size, cw_abi_io_file** out, uint64_t timeout_ns,
                           cw_abi_stop_wait* stop) {
  cw_status status;
  const auto result =
      with_runtime([&] { return inner(file)->accept(static_cast<sockaddr*>(address), size, limits_of(timeout_ns, stop)); }, &status);
  if (status == CW_OK) *out = reinterpret_cast<cw_abi_io_file*>(*result);
  return status;
}

cw_status cw_abi_io_connect(cw_abi_io_file* file, const void* address, uint32_t size, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  cw_status status;
  static_cast<void>(with_runtime(
      [&] { return inner(file)->connect(static_cast<const sockaddr*>(address), size, limits_of(timeout_ns, stop)); }, &status));
  return status;
}

cw_status cw_abi_io_close(cw_abi_io_file* file) {
  const auto closed = inner(file)->close();
  return closed ? CW_OK : failed(closed.error());
}

cw_status cw_abi_io_release(cw_abi_io_file* file, int* fd) {
  const auto released = inner(file)->release();
  if (!released) return failed(released.error());
  *fd = *released;
  return CW_OK;
}

int cw_abi_io_fd(cw_abi_io_file* file) { return inner(file)->fd(); }

void cw_abi_io_destroy(cw_abi_io_file* file) { io::File::destroy(inner(file)); }

}  // extern "C"
