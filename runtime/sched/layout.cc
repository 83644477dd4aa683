// SPDX-License-Identifier: MIT
#include "runtime/sched/layout.hpp"

#include "arch/arch.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

struct Fields {
  LayoutField all[LayoutTable::kFields]{};
  uint64_t n = 0;

  constexpr void add(const char* name, size_t offset, size_t bytes) {
    LayoutField& field = all[n++];
    for (size_t i = 0; name[i] != 0; ++i) field.name[i] = name[i];  // too long a name does not compile: not a constant
    field.offset = static_cast<uint32_t>(offset);
    field.bytes = static_cast<uint32_t>(bytes);
  }
};

#define CW_FIELD(type, member) fields.add(#type "." #member, offsetof(type, member), sizeof(decltype(type::member)))

consteval Fields all_fields() {
  using crossing::Inbound;
  using crossing::Outbound;
  Fields fields;
  fields.add("G", sizeof(G), 0);
  CW_FIELD(G, sp);
  CW_FIELD(G, m);
  fields.add("G.stack.low", offsetof(G, stack) + offsetof(stack::Stack, low), sizeof(decltype(stack::Stack::low)));
  fields.add("G.stack.high", offsetof(G, stack) + offsetof(stack::Stack, high), sizeof(decltype(stack::Stack::high)));
  CW_FIELD(G, state);
  CW_FIELD(G, waits_for);
  CW_FIELD(G, waits_at);
  fields.add("G.timer.deadline_ns", offsetof(G, timer) + offsetof(TimerNode, deadline_ns), sizeof(decltype(TimerNode::deadline_ns)));
  fields.add("G.timer.armed", offsetof(G, timer) + offsetof(TimerNode, armed), sizeof(decltype(TimerNode::armed)));
  CW_FIELD(G, outer);
  CW_FIELD(G, outer_id);
  CW_FIELD(G, depth);
  CW_FIELD(G, id);
  CW_FIELD(G, generation);
  CW_FIELD(G, stop_requested);
  CW_FIELD(G, locked_m);
  CW_FIELD(G, name);
  fields.add("G.in.active", offsetof(G, in) + offsetof(Inbound, active), sizeof(decltype(Inbound::active)));
  fields.add("G.in.high", offsetof(G, in) + offsetof(Inbound, high), sizeof(decltype(Inbound::high)));
  fields.add("G.out", offsetof(G, out), sizeof(Outbound));
  fields.add("G.out.sp", offsetof(G, out) + offsetof(Outbound, sp), sizeof(decltype(Outbound::sp)));
  fields.add("G.out.pc", offsetof(G, out) + offsetof(Outbound, pc), sizeof(decltype(Outbound::pc)));
  fields.add("G.out.c_sp", offsetof(G, out) + offsetof(Outbound, c_sp), sizeof(decltype(Outbound::c_sp)));
  fields.add("G.out.function", offsetof(G, out) + offsetof(Outbound, function), sizeof(decltype(Outbound::function)));
  fields.add("M", sizeof(M), 0);
  fields.add("M.anchor", offsetof(M, gate) + crossing::GateOffsets::kAnchor, sizeof(uintptr_t));
  CW_FIELD(M, current);
  CW_FIELD(M, p);
  CW_FIELD(M, leaf);
  CW_FIELD(M, system);
  CW_FIELD(M, foreign);
  CW_FIELD(M, binding);
  CW_FIELD(M, id);
  CW_FIELD(M, tid);
  CW_FIELD(Scheduler, arena);
  CW_FIELD(Scheduler, ms);
  CW_FIELD(Scheduler, m_count);
  CW_FIELD(Process, phase);
  fields.add("Arena.used", ArenaOffsets::kUsed, sizeof(uint32_t));
  fields.add("Arena.directory", ArenaOffsets::kDirectory, sizeof(void*));
  fields.add("Arena.header", Arena::kHeaderBytes, 0);
  fields.add("Arena.per_chunk", Arena::kPerChunk, 0);
  fields.add("Arena.chunks", Arena::kMaxChunks, 0);
  fields.add("foreign.per_chunk", foreign::Places::kPerChunk, 0);
  fields.add("foreign.chunks", foreign::Places::kChunks, 0);
  fields.add("stack.largest", stack::kLargestStackBytes, 0);
  fields.add("switch.bytes", arch::Cpu::kSwitchFrameBytes, 0);
  for (const auto& saved : arch::Cpu::kSavedRegisters) {
    char name[24] = "switch.";
    for (size_t i = 0; saved.name[i] != 0; ++i) name[7 + i] = saved.name[i];
    fields.add(name, saved.offset, sizeof(uintptr_t));
  }
  return fields;
}

#undef CW_FIELD

constexpr Fields kFields = all_fields();

constexpr LayoutTable make_table() {
  LayoutTable table{};
  for (size_t i = 0; i < sizeof table.magic; ++i) table.magic[i] = "CWLAYOUT"[i];
  table.version = LayoutTable::kVersion;
  table.bytes = sizeof table;
  for (size_t i = 0; arch::Cpu::kName[i] != 0; ++i) table.cpu[i] = arch::Cpu::kName[i];
  table.process = &process;
  table.scheduler = scheduler_storage;
  table.foreign = &foreign::places;
#if !CW_ASAN && !defined(CW_CPU_PORTABLE)
  table.pivot_back = &cw_arch_pivot_back;
#endif
  table.field_count = kFields.n;
  for (size_t i = 0; i < LayoutTable::kFields; ++i) table.fields[i] = kFields.all[i];
  return table;
}

}  // namespace

// Used by nobody inside: the marks keep it through the linker's and the optimiser's clearing up.
[[gnu::section("causeway_layout"), gnu::used, CW_RETAIN]] constinit const LayoutTable layout_table = make_table();

}  // namespace causeway::sched
