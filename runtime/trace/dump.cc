// SPDX-License-Identifier: MIT
#include "runtime/trace/dump.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/trace/collect.hpp"
#include "runtime/trace/names.hpp"

namespace causeway::trace {

namespace {

constexpr size_t kMostStacks = 4096;  // texts of stacks that are kept for equal ones
constexpr size_t kMostObjects = 256;  // waits whose object is described closely: that looks through all green threads
constexpr uint32_t kMostSelf = 256;   // steps of one's own traceback
constexpr const char* kNoMemory = "  ---- no memory for the names of what follows ----\n";

bool equal(const Step* a, const Step* b, uint32_t n) noexcept {
  return std::equal(a, a + n, b, [](const Step& x, const Step& y) {
    return x.value == y.value && x.kind == y.kind && x.code == y.code && x.exact == y.exact;
  });
}

uint64_t hash_of(const Step* steps, uint32_t n) noexcept {
  uint64_t hash = n;
  for (uint32_t i = 0; i < n; ++i) hash = (hash ^ steps[i].value ^ steps[i].kind) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
  return hash;
}

// The lines of a stack. All but its own work may throw std::bad_alloc.
class Writer {
 public:
  explicit Writer(TextSink* to) : to_(to), names_(Names::Libdw::Load) {}

  void stack(const Step* steps, uint32_t n, bool cut) {
    const uint64_t hash = hash_of(steps, n);
    if (const auto known = stacks_.find(hash); known != stacks_.end() && known->second.n == n && equal(known->second.steps, steps, n)) {
      to_->lines(known->second.text);
    } else {
      std::string text = text_of(steps, n);
      to_->lines(text);
      if (stacks_.size() < kMostStacks) stacks_.try_emplace(hash, Known{steps, n, std::move(text)});
    }
    if (cut) to_->lines("  ---- and more ----\n");
  }

  std::string wait_of(const GreenCopy& green) {
    sched::WaitText text;
    const char* what = green.waits_for != nullptr ? green.waits_for : "something";
    if (green.waits_at == nullptr) return what;
    const auto key = std::make_pair(what, green.waits_at);
    for (const auto& [known, words] : waits_)
      if (known == key) return words;
    if (waits_.size() < kMostObjects) {
      sched::append_wait(text, what, green.waits_at);
      waits_.emplace_back(key, std::string(text.view()));
    } else {
      text.append(what).append(" 0x").append_hex(reinterpret_cast<uintptr_t>(green.waits_at));
    }
    return std::string(text.view());
  }

  const std::string& place_of(uintptr_t pc) { return names_.of(pc, false).lines.back(); }
  std::string function(const void* address) { return names_.function(reinterpret_cast<uintptr_t>(address)); }

 private:
  struct Known {
    const Step* steps;
    uint32_t n;
    std::string text;
  };

  std::string text_of(const Step* steps, uint32_t n) {
    std::string text;
    uint32_t number = 0;
    for (uint32_t i = 0; i < n; ++i) {
      const Step& step = steps[i];
      switch (step.kind) {
        case Step::Frame: {
          const Place& place = names_.of(step.value, step.exact);
          if (place.ours) break;
          for (const std::string& line : place.lines) text += "  #" + std::to_string(number++) + " " + line + "\n";
          break;
        }
        case Step::CallOut:
          text += "  ---- call to C: " + (step.value != 0 ? function(reinterpret_cast<const void*>(step.value)) : "?") + " ----\n";
          break;
        case Step::CallIn: text += "  ---- callback: C calls green thread " + std::to_string(step.value) + " ----\n"; break;
        case Step::Unknown:
          text += step.code == Step::C ? "  ---- C code that goes on, or whose frames are not known ----\n"
                                       : "  ---- frames that are not known ----\n";
          break;
      }
    }
    return text;
  }

  TextSink* to_;
  Names names_;
  std::unordered_map<uint64_t, Known> stacks_;
  std::vector<std::pair<std::pair<const char*, const void*>, std::string>> waits_;
};

void append_state(std::string* line, const GreenCopy& green, uint64_t now, Writer& writer) {
  if (green.state == sched::GState::Parked || (green.state == sched::GState::Runnable && green.waits_for != nullptr)) {
    *line += ": waits for " + writer.wait_of(green);
    if (green.waits_since != 0 && now > green.waits_since)
      *line += ", for " + std::to_string((now - green.waits_since) / 1'000'000) + " ms";
  } else if (green.state == sched::GState::Runnable) {
    *line += ": ready to run";
  } else if (green.in_c) {
    *line += ": in C, called " + (green.function != nullptr ? writer.function(green.function) : "a function");
  } else {
    *line += ": runs";
  }
}

void write_header(const GreenCopy& green, uint64_t now, Writer& writer, TextSink* to) {
  std::string line = "green thread " + std::to_string(green.id);
  if (green.name[0] != '\0') line += std::string(" \"") + green.name + "\"";
  append_state(&line, green, now, writer);
  if (green.locked_to != 0) line += "; locked to thread " + std::to_string(green.locked_to);
  if (green.callback) line += "; a callback of C" + (green.outer_id != 0 ? ", below green thread " + std::to_string(green.outer_id) : "");
  if (green.spawned_by != 0 || green.spawned_at != 0) line += "; spawned";
  if (green.spawned_by != 0) line += " by green thread " + std::to_string(green.spawned_by);
  if (green.spawned_at != 0) line += " at " + writer.place_of(green.spawned_at);
  line += "\n";
  to->lines(line);
}

const char* why_nothing(cw_status status) noexcept {
  switch (status) {
    case CW_E_NOT_READY: return "no runtime is running, so there are no green threads\n";
    case CW_E_NOMEM: return "no memory for a traceback of all green threads\n";
    default: return nullptr;
  }
}

}  // namespace

void TextSink::lines(std::string_view text) noexcept {
  size_ += text.size();
  if (full_) return;
  if (text.size() > room_ - kept_) {  // as many whole lines as fit
    full_ = true;
    const size_t end = text.substr(0, room_ - kept_).rfind('\n');
    text = end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
  }
  if (text.empty() || room_ == 0) return;
  std::memcpy(to_ + kept_, text.data(), text.size());
  kept_ += text.size();
  to_[kept_] = '\0';
}

void dump_self(const Cursor& from, uintptr_t caller, TextSink* to) noexcept {
  Step storage[kMostSelf];
  Steps steps;
  steps.at = storage;
  steps.room = kMostSelf;
  const sched::M* m = m_here();
  walk_thread(m, from, &steps, {});
  uint32_t first = 0;
  while (first < steps.n && (steps.at[first].kind != Step::Frame || steps.at[first].value != caller)) ++first;
  if (first == steps.n) first = 0;
  const uintptr_t anchor = m != nullptr ? m->gate.own_anchor() : crossing::kIdleAnchor;
  const sched::G* g = anchor > crossing::kIdleAnchor          ? sched::green_of(anchor)
                      : anchor == 0 && !m->current->is_system ? m->current
                                                              : nullptr;
  base::TextBuffer<256> header;
  if (g != nullptr) {
    header.append("green thread ");
    sched::append_identity(header, g);
    header.append(" on thread ").append_dec(static_cast<uint64_t>(os::thread_id())).append(":\n");
  } else {
    header.append("thread ").append_dec(static_cast<uint64_t>(os::thread_id())).append(", outside of managed code:\n");
  }
  to->lines(header.view());
  try {
    Writer writer(to);
    writer.stack(steps.at + first, steps.n - first, steps.cut);
  } catch (const std::bad_alloc&) { to->lines(kNoMemory); }
}

cw_status dump_green(uint64_t id, TextSink* to) noexcept {
  Collection all;
  const cw_status status = all.collect(id);
  if (status != CW_OK && status != CW_E_TIMEOUT) {
    if (const char* why = why_nothing(status)) to->lines(why);
    return status;
  }
  if (id != Collection::kEverybody && all.size() == 0) return CW_E_STALE;
  try {
    if (status == CW_E_TIMEOUT) {
      to->lines("the world did not stop in time: " + std::string(all.late()) +
                ". What follows was read while it went on: running green threads have no frames, and others may have gone on\n");
    }
    Writer writer(to);
    for (const GreenCopy& green : all) {
      write_header(green, all.taken_ns(), writer, to);
      writer.stack(all.steps(green), green.n, green.cut);
    }
    if (all.left_out() != 0) to->lines("and " + std::to_string(all.left_out()) + " more, for which there is no memory\n");
  } catch (const std::bad_alloc&) { to->lines(kNoMemory); }
  return CW_OK;
}

cw_status profile_green(cw_stack_record* records, size_t n, size_t* count) noexcept {
  Collection all;
  const cw_status status = all.collect(Collection::kEverybody);
  if (status != CW_OK) return status;
  // What a record shows of a green thread, and how many there are of it.
  struct Group {
    const GreenCopy* first;
    uint64_t n;
  };
  constexpr uint32_t kDepth = sizeof records->pc / sizeof records->pc[0];
  try {
    Names names(Names::Libdw::Load);
    // Without the library's own frames: by which way one came to wait tells nothing to a host.
    const auto fill = [&](const GreenCopy& green, cw_stack_record* to) {
      to->depth = 0;
      for (uint32_t i = 0; i < green.n && to->depth < kDepth; ++i) {
        const Step& step = all.steps(green)[i];
        if (step.kind == Step::Frame && !names.of(step.value, step.exact).ours)
          to->pc[to->depth++] = reinterpret_cast<const void*>(step.value);
      }
    };
    std::unordered_map<uint64_t, std::vector<Group>> groups;
    cw_stack_record one{}, other{};
    size_t found = 0;
    for (const GreenCopy& green : all) {
      fill(green, &one);
      uint64_t hash = one.depth;
      for (uint32_t i = 0; i < one.depth; ++i)
        hash = (hash ^ reinterpret_cast<uintptr_t>(one.pc[i])) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
      std::vector<Group>& same = groups[hash];
      const auto group = std::find_if(same.begin(), same.end(), [&](const Group& each) {
        fill(*each.first, &other);
        return other.depth == one.depth && std::equal(one.pc, one.pc + one.depth, other.pc);
      });
      if (group != same.end()) {
        ++group->n;
      } else {
        same.push_back({&green, 1});
        ++found;
      }
    }
    std::vector<Group> order;
    order.reserve(found);
    for (const auto& [hash, same] : groups) order.insert(order.end(), same.begin(), same.end());
    std::sort(order.begin(), order.end(), [](const Group& a, const Group& b) { return a.n != b.n ? a.n > b.n : a.first < b.first; });
    for (size_t i = 0; i < found && i < n; ++i) {
      fill(*order[i].first, &records[i]);
      records[i].size = sizeof records[i];
      records[i].count = order[i].n;
    }
    *count = found;
  } catch (const std::bad_alloc&) { return CW_E_NOMEM; }
  return CW_OK;
}

}  // namespace causeway::trace
