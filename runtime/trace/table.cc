// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers. INV-CFI1: every read of a table is checked against the bounds of its segment.
#include "runtime/trace/table.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include <cstring>

#include "arch/arch.hpp"

// Weak: the library also loads where the C library is older, and then walks by frame pointers.
extern "C" int _dl_find_object(void* address, dl_find_object* result) noexcept __attribute__((weak));

namespace causeway::trace {

uint64_t Bytes::fixed(size_t n) noexcept {
  if (left() < n) {
    bad_ = true;
    at_ = end_;
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < n; ++i) value |= uint64_t{at_[i]} << (8 * i);
  at_ += n;
  return value;
}

uint64_t Bytes::uleb() noexcept {
  uint64_t value = 0;
  for (unsigned shift = 0; left() != 0; shift += 7) {
    const uint8_t byte = *at_++;
    if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return value;
  }
  bad_ = true;
  return 0;
}

int64_t Bytes::sleb() noexcept {
  uint64_t value = 0;
  for (unsigned shift = 0; left() != 0;) {
    const uint8_t byte = *at_++;
    if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
    shift += 7;
    if ((byte & 0x80) != 0) continue;
    if ((byte & 0x40) != 0 && shift < 64) value |= ~uint64_t{0} << shift;
    return static_cast<int64_t>(value);
  }
  bad_ = true;
  return 0;
}

void Bytes::skip(uint64_t n) noexcept {
  if (n > left()) {
    bad_ = true;
    n = left();
  }
  at_ += n;
}

Bytes Bytes::piece(uint64_t n) noexcept {
  const uint8_t* from = at_;
  skip(n);
  return {from, at_};
}

namespace {

// Encodings of addresses in tables (LSB, "DWARF exception header encoding").
constexpr uint8_t kAbsolute = 0x00, kRelative32 = 0x1b, kRelative64 = 0x1c, kIndex = 0x3b;

struct Common {  // a CIE
  Bytes instructions;
  uint64_t code_align = 1;
  int64_t data_align = 1;
  uint8_t encoding = kAbsolute;
  bool augmented = false, signal_frame = false;
};

size_t bytes_of(uint8_t encoding) noexcept {
  switch (encoding & 0x0f) {
    case 0x00: return sizeof(uintptr_t);
    case 0x03:
    case 0x0b: return 4;
    case 0x04:
    case 0x0c: return 8;
    default: return 0;
  }
}

bool read_address(Bytes& from, uint8_t encoding, uintptr_t* to) noexcept {
  const auto here = reinterpret_cast<uintptr_t>(from.here());
  switch (encoding) {
    case kAbsolute: *to = static_cast<uintptr_t>(from.fixed(sizeof(uintptr_t))); return !from.bad();
    case kRelative32: *to = here + static_cast<uintptr_t>(intptr_t{static_cast<int32_t>(from.fixed(4))}); return !from.bad();
    case kRelative64: *to = here + static_cast<uintptr_t>(from.fixed(8)); return !from.bad();
    default: return false;
  }
}

// The entry at `at`: what comes after its length, which stays inside `all`.
bool entry_at(uintptr_t at, const Bytes& all, Bytes* entry) noexcept {
  const auto low = reinterpret_cast<uintptr_t>(all.here());
  if (at < low || at - low >= all.left()) return false;
  Bytes bytes(reinterpret_cast<const uint8_t*>(at), all.here() + all.left());
  const uint64_t length = bytes.fixed(4);
  if (bytes.bad() || length == 0 || length == 0xffffffff || length > bytes.left()) return false;
  *entry = bytes.piece(length);
  return true;
}

bool read_common(Bytes bytes, Common* to) noexcept {
  if (bytes.fixed(4) != 0) return false;  // not a CIE
  const uint8_t version = bytes.u8();
  if (version != 1 && version != 3) return false;
  char letters[8]{};
  for (size_t i = 0; i < sizeof letters; ++i) {
    letters[i] = static_cast<char>(bytes.u8());
    if (letters[i] == '\0') break;
  }
  if (letters[sizeof letters - 1] != '\0' || (letters[0] != '\0' && letters[0] != 'z')) return false;
  to->code_align = bytes.uleb();
  to->data_align = bytes.sleb();
  if ((version == 1 ? bytes.u8() : bytes.uleb()) != arch::kDwarfReturn) return false;
  if (letters[0] == 'z') {
    to->augmented = true;
    Bytes data = bytes.piece(bytes.uleb());
    for (const char* letter = letters + 1; *letter != '\0'; ++letter) {
      switch (*letter) {
        case 'R': to->encoding = data.u8(); break;
        case 'L': data.skip(1); break;
        case 'S': to->signal_frame = true; break;
        case 'B': break;  // which key signs return addresses
        case 'P': {
          const size_t size = bytes_of(data.u8());
          if (size == 0) return false;
          data.skip(size);
          break;
        }
        default: return false;
      }
    }
    if (data.bad()) return false;
  }
  to->instructions = bytes;
  return !bytes.bad();
}

// Runs the instructions of a CIE, then of one of its entries, up to the row that holds an address.
class Machine {
 public:
  Machine(const Common& common, uintptr_t from, uintptr_t want) noexcept : common_(common), location_(from), want_(want) {}

  bool run(Bytes bytes, Row* row) noexcept {
    while (!bad_ && bytes.left() != 0 && location_ <= want_) one(bytes, row);
    return !bad_ && !bytes.bad();
  }
  void keep_initial(const Row& row) noexcept { initial_ = row; }

 private:
  static constexpr size_t kDepth = 8;

  void advance(uint64_t steps) noexcept { location_ += static_cast<uintptr_t>(steps * common_.code_align); }
  static RegisterRule* rule_of(Row* row, uint64_t number) noexcept {
    return number == arch::kDwarfFp ? &row->fp : number == arch::kDwarfReturn ? &row->back : nullptr;
  }
  static void set(Row* row, uint64_t number, RegisterRule rule) noexcept {
    if (RegisterRule* place = rule_of(row, number)) *place = rule;
  }
  void restore(Row* row, uint64_t number) const noexcept {
    Row initial = initial_;
    if (const RegisterRule* before = rule_of(&initial, number)) set(row, number, *before);
  }
  RegisterRule at_offset(int64_t factored) const noexcept { return {How::Offset, factored * common_.data_align, {}}; }
  void cfa_at(Row* row, uint64_t number, int64_t offset) noexcept {
    row->cfa_register = number;
    row->cfa_offset = offset;
    row->cfa_expression = {};
  }

  void one(Bytes& bytes, Row* row) noexcept {
    const uint8_t op = bytes.u8();
    const uint8_t low = op & 0x3f;
    switch (op >> 6) {
      case 1: advance(low); return;
      case 2: set(row, low, at_offset(static_cast<int64_t>(bytes.uleb()))); return;
      case 3: restore(row, low); return;
      default: break;
    }
    uint64_t number = 0;
    switch (op) {
      case 0x00: return;  // DW_CFA_nop
      case 0x01: bad_ |= !read_address(bytes, common_.encoding, &location_); return;
      case 0x02: advance(bytes.u8()); return;
      case 0x03: advance(bytes.fixed(2)); return;
      case 0x04: advance(bytes.fixed(4)); return;
      case 0x05:
        number = bytes.uleb();
        set(row, number, at_offset(static_cast<int64_t>(bytes.uleb())));
        return;
      case 0x06: restore(row, bytes.uleb()); return;
      case 0x07: set(row, bytes.uleb(), {How::Undefined, 0, {}}); return;
      case 0x08: set(row, bytes.uleb(), {How::Same, 0, {}}); return;
      case 0x09:  // DW_CFA_register: kept in a register that we do not carry on
        number = bytes.uleb();
        bytes.uleb();
        bad_ |= rule_of(row, number) != nullptr;
        return;
      case 0x0a:  // DW_CFA_remember_state
        if (depth_ == kDepth) bad_ = true;
        else stack_[depth_++] = *row;
        return;
      case 0x0b:  // DW_CFA_restore_state
        if (depth_ == 0) bad_ = true;
        else *row = stack_[--depth_];
        return;
      case 0x0c:
        number = bytes.uleb();
        cfa_at(row, number, static_cast<int64_t>(bytes.uleb()));
        return;
      case 0x0d:
        row->cfa_register = bytes.uleb();
        row->cfa_expression = {};
        return;
      case 0x0e: row->cfa_offset = static_cast<int64_t>(bytes.uleb()); return;
      case 0x0f: row->cfa_expression = bytes.piece(bytes.uleb()); return;
      case 0x10:
        number = bytes.uleb();
        set(row, number, {How::Expression, 0, bytes.piece(bytes.uleb())});
        return;
      case 0x11:
        number = bytes.uleb();
        set(row, number, at_offset(bytes.sleb()));
        return;
      case 0x12:
        number = bytes.uleb();
        cfa_at(row, number, bytes.sleb() * common_.data_align);
        return;
      case 0x13: row->cfa_offset = bytes.sleb() * common_.data_align; return;
      case 0x16:
        number = bytes.uleb();
        set(row, number, {How::Value, 0, bytes.piece(bytes.uleb())});
        return;
      case 0x2d: return;                // DW_CFA_AARCH64_negate_ra_state: an address is made plain whether it is signed or not
      case 0x2e: bytes.uleb(); return;  // DW_CFA_GNU_args_size
      default: bad_ = true;
    }
  }

  const Common& common_;
  uintptr_t location_;
  const uintptr_t want_;
  Row stack_[kDepth];
  Row initial_;
  size_t depth_ = 0;
  bool bad_ = false;
};

// The entry that begins last at or before pc, by the sorted index of PT_GNU_EH_FRAME; 0: none.
uintptr_t find_entry(const uint8_t* header, const Bytes& all, uintptr_t pc) noexcept {
  const auto base = reinterpret_cast<uintptr_t>(header);
  const auto low = reinterpret_cast<uintptr_t>(all.here());
  if (base < low || base - low >= all.left()) return 0;
  Bytes bytes(header, all.here() + all.left());
  if (bytes.u8() != 1) return 0;
  const uint8_t frame_encoding = bytes.u8(), count_encoding = bytes.u8(), index_encoding = bytes.u8();
  if (count_encoding != 0x03 || index_encoding != kIndex || bytes_of(frame_encoding) == 0) return 0;
  bytes.skip(bytes_of(frame_encoding));
  const uint64_t count = bytes.fixed(4);
  const Bytes index = bytes.piece(count * 8);
  if (bytes.bad() || count == 0) return 0;
  const auto word = [&index](uint64_t i) {
    Bytes one(index.here() + i * 4, index.here() + i * 4 + 4);
    return static_cast<int32_t>(one.fixed(4));
  };
  const auto want = static_cast<intptr_t>(pc - base);
  if (want < word(0)) return 0;
  uint64_t from = 0, to = count;  // the wanted one is in [from, to)
  while (to - from > 1) {
    const uint64_t middle = from + (to - from) / 2;
    if (word(2 * middle) <= want) from = middle;
    else to = middle;
  }
  return base + static_cast<uintptr_t>(intptr_t{word(2 * from + 1)});
}

struct Segments {
  const ElfW(Phdr) * first = nullptr;
  size_t count = 0;
};

// The program headers of the module whose first bytes these are. Empty: they are no module's.
Segments segments_at(const void* start) noexcept {
  constexpr size_t kFirstPage = 4096;  // the loader wants the program headers there, too
  const auto* bytes = static_cast<const uint8_t*>(start);
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(bytes);
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phoff > kFirstPage) return {};
  if (header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > kFirstPage) return {};
  return {reinterpret_cast<const ElfW(Phdr)*>(bytes + header->e_phoff), header->e_phnum};
}

// Of a module with gaps between its segments (lld leaves them in front of code that is aligned to a page) a part is found, that of the address.
Segments segments_of(const dl_find_object& found) noexcept {
  if (const Segments all = segments_at(found.dlfo_map_start); all.first != nullptr) return all;
  const link_map* map = found.dlfo_link_map;
  // Signal-safe: it reads what the loader has noted.
  if (map->l_name == nullptr || *map->l_name == '\0') return {reinterpret_cast<const ElfW(Phdr)*>(getauxval(AT_PHDR)), getauxval(AT_PHNUM)};
  // The first segment of a shared object lies at its load address.
  return map->l_addr != 0 ? segments_at(reinterpret_cast<const void*>(map->l_addr)) : Segments{};
}

// The segment that holds `at`: what lies between two segments of a module may not be readable. Empty: none does.
Bytes segment_of(const dl_find_object& found, const void* at) noexcept {
  const Segments all = segments_of(found);
  for (size_t i = 0; all.first != nullptr && i < all.count; ++i) {
    const ElfW(Phdr)& segment = all.first[i];
    if (segment.p_type != PT_LOAD) continue;
    const auto* low = reinterpret_cast<const uint8_t*>(found.dlfo_link_map->l_addr + segment.p_vaddr);
    if (at >= low && static_cast<const uint8_t*>(at) - low < static_cast<ptrdiff_t>(segment.p_filesz)) return {low, low + segment.p_filesz};
  }
  return {};
}

}  // namespace

bool find_row(uintptr_t pc, Row* row) noexcept {
  dl_find_object found;
  if (_dl_find_object == nullptr || _dl_find_object(reinterpret_cast<void*>(pc), &found) != 0 || found.dlfo_eh_frame == nullptr)
    return false;
  const Bytes all = segment_of(found, found.dlfo_eh_frame);
  const uintptr_t at = find_entry(static_cast<const uint8_t*>(found.dlfo_eh_frame), all, pc);
  Bytes entry, common_bytes;
  if (at == 0 || !entry_at(at, all, &entry)) return false;
  const auto id_at = reinterpret_cast<uintptr_t>(entry.here());
  const uint64_t back = entry.fixed(4);  // of its CIE, counted from here
  Common common;
  if (back == 0 || !entry_at(id_at - static_cast<uintptr_t>(back), all, &common_bytes) || !read_common(common_bytes, &common)) return false;
  uintptr_t begin = 0;
  if (!read_address(entry, common.encoding, &begin)) return false;
  const uint64_t length = entry.fixed(bytes_of(common.encoding));
  if (pc < begin || pc - begin >= length) return false;
  if (common.augmented) entry.skip(entry.uleb());
  Machine machine(common, begin, pc);
  row->signal_frame = common.signal_frame;
  if (entry.bad() || !machine.run(common.instructions, row)) return false;
  machine.keep_initial(*row);
  return machine.run(entry, row);
}

}  // namespace causeway::trace
