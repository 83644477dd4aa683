// SPDX-License-Identifier: MIT
//
// Everything in a file is checked before it is used: it need not be the one that was loaded, nor an ELF file at all.
//
// Reachable from signal handlers: fixed buffers, and system calls by syscall(2), because the C library's are cancellation points.
#include "runtime/trace/symbol_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

namespace causeway::trace {
namespace {

constexpr size_t kPiece = 512;          // symbols that are read at once
constexpr size_t kMostSections = 4096;  // more than any linker makes of a program that is not one section per function

class File {
 public:
  explicit File(const char* path) noexcept
      : fd_(static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0))) {}
  ~File() {
    if (fd_ >= 0) syscall(SYS_close, fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  // How many bytes could be read at `at`, up to n.
  size_t read(void* to, size_t n, uint64_t at) const noexcept {
    size_t got = 0;
    while (fd_ >= 0 && got < n) {
      const long more = syscall(SYS_pread64, fd_, static_cast<char*>(to) + got, n - got, at + got);
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) break;
      got += static_cast<size_t>(more);
    }
    return got;
  }
  bool read_all(void* to, size_t n, uint64_t at) const noexcept { return read(to, n, at) == n; }

 private:
  const int fd_;
};

using Header = ElfW(Ehdr);
using Section = ElfW(Shdr);
using Entry = ElfW(Sym);

// The section of the wanted type, and that of its names.
bool find_table(const File& file, const Header& header, uint32_t type, Section* table, Section* names) noexcept {
  const auto section = [&](size_t i, Section* to) { return file.read_all(to, sizeof *to, header.e_shoff + uint64_t{i} * sizeof(Section)); };
  const size_t count = header.e_shnum < kMostSections ? header.e_shnum : kMostSections;
  for (size_t i = 0; i < count; ++i) {
    if (!section(i, table)) return false;
    if (table->sh_type == type) return table->sh_entsize == sizeof(Entry) && table->sh_link < count && section(table->sh_link, names);
  }
  return false;
}

// The function that holds `offset` (an address as the file counts it).
bool find_entry(const File& file, const Section& table, uint64_t offset, Entry* found) noexcept {
  Entry piece[kPiece];
  const uint64_t count = table.sh_size / sizeof(Entry);
  for (uint64_t i = 0; i < count; i += kPiece) {
    const uint64_t want = count - i < kPiece ? count - i : kPiece;
    const size_t got = file.read(piece, static_cast<size_t>(want) * sizeof(Entry), table.sh_offset + i * sizeof(Entry)) / sizeof(Entry);
    for (size_t k = 0; k < got; ++k) {
      const Entry& entry = piece[k];
      if ((entry.st_info & 0xf) != STT_FUNC || entry.st_shndx == SHN_UNDEF) continue;
      if (offset >= entry.st_value && offset - entry.st_value < entry.st_size) {
        *found = entry;
        return true;
      }
    }
    if (got < want) return false;
  }
  return false;
}

}  // namespace

bool symbol_in_file(const char* path, uint64_t offset, char* name, size_t room, uint64_t* start) noexcept {
  const int saved = errno;
  bool found = false;
  {
    const File file(path);
    Header header;
    bool good = file.read_all(&header, sizeof header, 0) && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
    good = good && header.e_ident[EI_CLASS] == (sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32) && header.e_shentsize == sizeof(Section);
    for (const uint32_t type : {uint32_t{SHT_SYMTAB}, uint32_t{SHT_DYNSYM}}) {
      Section table, names;
      Entry entry;
      if (found || !good || !find_table(file, header, type, &table, &names) || !find_entry(file, table, offset, &entry)) continue;
      if (entry.st_name >= names.sh_size || room == 0) break;
      name[file.read(name, room - 1, names.sh_offset + entry.st_name)] = '\0';
      *start = entry.st_value;
      found = true;
    }
  }
  errno = saved;
  return found;
}

}  // namespace causeway::trace
