// SPDX-License-Identifier: MIT
#include "runtime/os/import_slots.hpp"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "runtime/os/memory.hpp"

namespace causeway::os {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kJumpSlot = R_X86_64_JUMP_SLOT, kGlobalData = R_X86_64_GLOB_DAT;
#elif defined(__aarch64__)
constexpr uint32_t kJumpSlot = R_AARCH64_JUMP_SLOT, kGlobalData = R_AARCH64_GLOB_DAT;
#else
constexpr uint32_t kJumpSlot = UINT32_MAX, kGlobalData = UINT32_MAX;
#endif

struct Relocations {
  const ElfW(Rela) * first = nullptr;
  size_t bytes = 0;
};

// What the loader has in memory of one module.
class Module {
 public:
  explicit Module(const dl_phdr_info& info) noexcept : base_(info.dlpi_addr) {
    const ElfW(Dyn)* dynamic = nullptr;
    for (int i = 0; i < info.dlpi_phnum; ++i) {
      const ElfW(Phdr)& header = info.dlpi_phdr[i];
      const uintptr_t low = base_ + header.p_vaddr;
      if (header.p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const ElfW(Dyn)*>(low);
      if (header.p_type == PT_GNU_RELRO) relro_ = {low & ~(page_size() - 1), (low + header.p_memsz) & ~(page_size() - 1)};
      if (header.p_type == PT_LOAD && (low_ == 0 || low < low_)) low_ = low;
      if (header.p_type == PT_LOAD && low + header.p_memsz > high_) high_ = low + header.p_memsz;
    }
    for (; dynamic != nullptr && dynamic->d_tag != DT_NULL; ++dynamic) read(*dynamic);
  }

  void change(ChangeImport ask, void* arg) const noexcept {
    if (symbols_ == nullptr || names_ == nullptr) return;
    bool open = false;
    for (const Relocations& list : {calls_, others_}) {
      for (size_t i = 0; list.first != nullptr && i < list.bytes / sizeof(ElfW(Rela)); ++i) {
        const ElfW(Rela)& relocation = list.first[i];
        const auto type = static_cast<uint32_t>(ELF64_R_TYPE(relocation.r_info));
        if (type != kJumpSlot && type != kGlobalData) continue;
        const ElfW(Sym)& symbol = symbols_[ELF64_R_SYM(relocation.r_info)];
        auto* slot = reinterpret_cast<void**>(base_ + relocation.r_offset);
        const std::atomic_ref<void*> word(*slot);
        void* now = word.load(std::memory_order_relaxed);
        const auto address = reinterpret_cast<uintptr_t>(now);
        // A module that defines the function itself has its own address there, and that is no stub.
        const bool unbound = type == kJumpSlot && address >= low_ && address < high_ && symbol.st_shndx == SHN_UNDEF;
        void* wanted = ask(names_ + symbol.st_name, now, unbound, arg);
        if (wanted == nullptr || wanted == now) continue;
        if (!open && read_only(slot)) open = protect(PROT_READ | PROT_WRITE);
        if (open || !read_only(slot)) word.store(wanted, std::memory_order_release);
      }
    }
    if (open) protect(PROT_READ);
  }

 private:
  struct Range {
    uintptr_t low = 0, high = 0;
  };

  void read(const ElfW(Dyn) & entry) noexcept {
    const uintptr_t value = entry.d_un.d_val;
    const uintptr_t address = value < base_ ? base_ + value : value;  // most are relocated already
    switch (entry.d_tag) {
      case DT_SYMTAB: symbols_ = reinterpret_cast<const ElfW(Sym)*>(address); break;
      case DT_STRTAB: names_ = reinterpret_cast<const char*>(address); break;
      case DT_JMPREL: calls_.first = reinterpret_cast<const ElfW(Rela)*>(address); break;
      case DT_PLTRELSZ: calls_.bytes = value; break;
      case DT_RELA: others_.first = reinterpret_cast<const ElfW(Rela)*>(address); break;
      case DT_RELASZ: others_.bytes = value; break;
      default: break;
    }
  }

  bool read_only(void** slot) const noexcept {
    const auto at = reinterpret_cast<uintptr_t>(slot);
    return at >= relro_.low && at < relro_.high;
  }
  bool protect(int protection) const noexcept {
    return mprotect(reinterpret_cast<void*>(relro_.low), relro_.high - relro_.low, protection) == 0;
  }

  uintptr_t base_;
  uintptr_t low_ = 0, high_ = 0;
  Range relro_;
  const ElfW(Sym) * symbols_ = nullptr;
  const char* names_ = nullptr;
  Relocations calls_, others_;
};

struct Request {
  ChangeImport change;
  void* arg;
};

}  // namespace

void change_imports(ChangeImport change, void* arg) noexcept {
  Request request{change, arg};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* at) {
        const auto* asked = static_cast<const Request*>(at);
        Module(*info).change(asked->change, asked->arg);
        return 0;
      },
      &request);
}

}  // namespace causeway::os
