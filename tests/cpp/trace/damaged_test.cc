// SPDX-License-Identifier: MIT
//
// Tables that somebody has damaged: the call frame information of a loaded module, and the symbol table of a file. Seeded: the same bytes each time.
//
// Risk: a report in a crashed process that crashes itself, or never ends, because a table says nonsense.
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/config.h"
#include "runtime/trace/cfi.hpp"
#include "runtime/trace/symbol_file.hpp"
#include "runtime/trace/table.hpp"

namespace {

using namespace causeway;
using Image = std::vector<unsigned char>;

Image read_file(const char* path) {
  Image image;
  FILE* file = std::fopen(path, "rb");
  REQUIRE(file != nullptr);
  unsigned char piece[4096];
  for (size_t n = 0; (n = std::fread(piece, 1, sizeof piece, file)) > 0;) image.insert(image.end(), piece, piece + n);
  std::fclose(file);
  return image;
}

struct Part {
  size_t at = 0, bytes = 0;
};

// A section of that name.
Part section(const Image& image, const char* name) {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(image.data());
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(image.data() + header->e_shoff);
  const auto* names = reinterpret_cast<const char*>(image.data() + sections[header->e_shstrndx].sh_offset);
  for (int i = 0; i < header->e_shnum; ++i)
    if (std::strcmp(names + sections[i].sh_name, name) == 0) return {sections[i].sh_offset, sections[i].sh_size};
  return {};
}

// A file of its own for each round: the loader knows files by their number.
struct Copy {
  std::string path;
  explicit Copy(const Image& image) {
    char name[] = "/tmp/causeway-damaged-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    path = name;
    REQUIRE(write(fd, image.data(), image.size()) == static_cast<ssize_t>(image.size()));
    close(fd);
  }
  ~Copy() { unlink(path.c_str()); }
};

Image damaged(Image image, const Part& part, std::mt19937& random) {
  for (uint32_t i = 0, n = 1 + random() % 8; i < n; ++i) image[part.at + random() % part.bytes] = static_cast<unsigned char>(random());
  return image;
}

const int kRounds = CW_ASAN || CW_TSAN || std::getenv("CAUSEWAY_TEST_FEW") != nullptr ? 40 : 400;

}  // namespace

TEST_CASE("a module with damaged call frame information: each look at it ends, inside its bounds") {
  const Image good = read_file(CW_HOST_MODULE);
  std::mt19937 random(20150903);
  uint64_t found = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Part part = section(good, round % 2 == 0 ? ".eh_frame" : ".eh_frame_hdr");
    REQUIRE(part.bytes > 0);
    const Copy copy(round == 0 ? good : damaged(good, part, random));
    void* module = dlopen(copy.path.c_str(), RTLD_NOW | RTLD_LOCAL);
    REQUIRE(module != nullptr);
    const auto inner = reinterpret_cast<uintptr_t>(dlsym(module, "host_inner"));
    REQUIRE(inner != 0);
    for (uintptr_t pc = inner; pc < inner + 256; ++pc) {
      trace::Row row;
      found += trace::find_row(pc, &row);
      uintptr_t stack[64] = {};
      const auto low = reinterpret_cast<uintptr_t>(stack);
      trace::Memory memory;
      memory.prove(trace::Memory::Host, low, low + sizeof stack);
      trace::Cursor at{pc, low, low + 128, 0, true};
      for (int steps = 0; steps < 100 && trace::step(&at, memory, nullptr) == trace::Stepped::Done; ++steps) {}
    }
    if (round == 0) CHECK(found > 0);
    dlclose(module);
  }
}

TEST_CASE("a file with a damaged symbol table, damaged anywhere, or cut: each look at it ends") {
  const Image good = read_file(CW_HOST_MODULE);
  std::mt19937 random(20150904);
  uint64_t found = 0;
  for (int round = 0; round < kRounds; ++round) {
    Part part = section(good, ".symtab");
    if (part.bytes == 0 || round % 4 == 1) part = {0, good.size()};
    if (round % 4 == 2) part = {0, sizeof(ElfW(Ehdr))};
    Image image = round == 0 ? good : damaged(good, part, random);
    if (round % 4 == 3) image.resize(random() % image.size());
    const Copy copy(image);
    const uint64_t end = round == 0 ? 0x40000 : 0x2000;  // a sanitizer puts much before the first function
    for (uint64_t offset = 0; offset < end; offset += 64) {
      char name[64];
      uint64_t start = 0;
      if (!trace::symbol_in_file(copy.path.c_str(), offset, name, sizeof name, &start)) continue;
      ++found;
      CHECK(std::memchr(name, '\0', sizeof name) != nullptr);
    }
    if (round == 0) CHECK(found > 0);
  }
}
