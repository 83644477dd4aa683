// SPDX-License-Identifier: MIT
//
// Who called whom, in words: cw_traceback() for C++.
#ifndef CAUSEWAY_TRACEBACK_HPP
#define CAUSEWAY_TRACEBACK_HPP

#include <causeway/causeway.h>

#include <cstdio>
#include <string>

namespace causeway {

// Of the calling thread (CW_TRACE_SELF), or of all green threads (CW_TRACE_ALL). Throws std::bad_alloc.
inline std::string traceback(unsigned flags = CW_TRACE_SELF) {
  std::string text(8192, '\0');
  for (;;) {
    const std::size_t size = cw_traceback(text.data(), text.size(), flags);
    const bool whole = size < text.size();
    text.resize(whole ? size : size + size / 4);  // they go on meanwhile
    if (whole) return text;
  }
}

// All green threads, to stderr.
inline void print_all() {
  const std::string text = traceback(CW_TRACE_ALL);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace causeway

#endif  // CAUSEWAY_TRACEBACK_HPP
