// SPDX-License-Identifier: MIT
//
// Code of our own image, mapped once more from its file, with fresh data at the same distance: so that there is more of it without any page that
// was ever both writable and executable.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::os {

enum class CodePages : uint8_t {
  Mapped,
  NoFile,   // the file of the image was not found, or is not what was loaded
  Refused,  // the system lets nobody map code; errno says why
  NoMemory,
};

// Maps the pages of [code, code + code_bytes) again, readable and executable, and zero pages for data_bytes where the new code has them, at
// data - code from its beginning. *again: what `code` became. The pages stay for good.
//
// Needs:       code and data are of one image; neither shares a page with the other. One call at a time
// Blocks:      reads /proc/self/maps. Allocates: mappings only. Signal-safe: no
CodePages map_code_again(const std::byte* code, size_t code_bytes, const std::byte* data, size_t data_bytes, std::byte** again) noexcept;

}  // namespace causeway::os
