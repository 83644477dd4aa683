// SPDX-License-Identifier: MIT
//
// Small files of /proc, read whole with open, read and close: no allocation.
#pragma once

#include <cstddef>

namespace causeway::os {

// The file's text, ended by a zero byte. False if it is not there, cannot be read, or has room - 1 bytes or more.
bool read_proc_file(const char* path, char* to, size_t room) noexcept;

// The same for a file of a thread of this process: read_task_file(tid, "/syscall", ...).
bool read_task_file(int tid, const char* file, char* to, size_t room) noexcept;

}  // namespace causeway::os
