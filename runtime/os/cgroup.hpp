// SPDX-License-Identifier: MIT
//
// The CPU quota of our cgroup, version 2 and 1. The parsers are pure functions on text that the kernel, or whoever mounted something there,
// wrote: whatever they do not understand is "no limit".
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway::os::cgroup {

inline constexpr unsigned kNoLimit = 0;

// CPUs' worth of a quota, rounded up: 150000 of each 100000 is 2. kNoLimit when either is 0.
unsigned cpus_of(uint64_t quota_us, uint64_t period_us) noexcept;

// Text of a v2 cpu.max: "max 100000" or "150000 100000".
unsigned parse_cpu_max(std::string_view text) noexcept;

// Texts of v1 cpu.cfs_quota_us ("-1" or a number) and cpu.cfs_period_us.
unsigned parse_cfs(std::string_view quota, std::string_view period) noexcept;

// Our path in the hierarchy of `controller`, out of the text of /proc/self/cgroup; "" asks for the v2 line ("0::/path"). Empty when there
// is no such line, or when the path leads out of the visible tree ("/../x").
std::string_view path_of(std::string_view text, std::string_view controller) noexcept;

// The lowest limit of our group and the groups above it. `proc_file` and `mount` are /proc/self/cgroup and /sys/fs/cgroup but in tests.
//
// Allocates: no. Bounded: 64 levels, 4 KiB of /proc/self/cgroup, 128 bytes of each value, 8 KiB of stack.
unsigned cpu_limit(const char* proc_file = "/proc/self/cgroup", const char* mount = "/sys/fs/cgroup") noexcept;

}  // namespace causeway::os::cgroup
