// SPDX-License-Identifier: MIT
//
// Makes the N-th request for a resource fail, and counts what is there.
//
// Memory: this program defines malloc and its family over the C library's own, so every caller in the process goes through it, also
// operator new and the loader's thread-local storage. The system: our library's own calls are led here by the linker (--wrap), those of
// the C library are not. Not chosen: libfiu (one more package for twenty lines); LD_PRELOAD (a file of its own to find and to load).
#pragma once

#include <cstdint>

namespace oom {

enum class Resource {
  Memory,  // malloc, calloc, realloc, aligned_alloc, posix_memalign; with them operator new
  System,  // maps, guards, OS threads, alternate stacks, descriptors
};
enum class Mode {
  Once,    // request N fails
  FromNow  // request N and all after it
};

// Requests are counted and refused from here to disarm(). By any thread of the process.
void arm(Resource resource, Mode mode, uint64_t nth) noexcept;
// How many were refused.
uint64_t disarm() noexcept;

// What is there at this moment.
struct Holdings {
  int64_t allocations = 0;    // from malloc and its family
  int64_t mapped_bytes = 0;   // by our library's own maps
  int64_t address_space = 0;  // of /proc/self/maps, without the heap of malloc: also thread stacks
  int64_t threads = 0;
  int64_t descriptors = 0;
  int64_t handles = 0;
  bool more_than(const Holdings& other) const noexcept {
    return allocations > other.allocations || mapped_bytes > other.mapped_bytes || address_space > other.address_space ||
           threads > other.threads || descriptors > other.descriptors || handles > other.handles;
  }
};
Holdings holdings() noexcept;

}  // namespace oom
