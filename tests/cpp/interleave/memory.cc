// SPDX-License-Identifier: MIT
//
// The two memory models of the interleaving checker; see checker.hpp for what they do and do not show.
#include "tests/cpp/interleave/engine.hpp"

namespace causeway::interleave {

void Memory::reset(Model model) {
  model_ = model;
  for (unsigned i = 0; i < used_; ++i) locations_[i].history.clear();
  used_ = 0;
  for (Thread& thread : threads_) {
    thread.buffer.clear();
    thread.now = thread.pending = thread.fenced = View{};
  }
  total_ = View{};
}

unsigned Memory::add(uint64_t initial) {
  const unsigned location = used_++;
  locations_.at(location).value = initial;
  if (model_ == Model::Weak) locations_[location].history.push_back(Message{initial, View{}});
  return location;
}

void Memory::commit(Thread& thread, size_t entries) {
  for (size_t i = 0; i < entries; ++i) locations_[thread.buffer[i].location].value = thread.buffer[i].value;
  thread.buffer.erase(thread.buffer.begin(), thread.buffer.begin() + static_cast<std::ptrdiff_t>(entries));
}

void Memory::drain(unsigned self) { commit(threads_[self], threads_[self].buffer.size()); }

// What other threads hold in their buffers for this location may reach memory now, or stay.
void Memory::settle_others(unsigned self, unsigned location, bool choose) {
  for (unsigned other = 0; other < kMaxThreads; ++other) {
    if (other == self) continue;
    std::vector<Entry>& buffer = threads_[other].buffer;
    std::array<size_t, 16> ends{};
    unsigned count = 0;
    for (size_t i = 0; i < buffer.size(); ++i)
      if (buffer[i].location == location) ends.at(count++) = i + 1;
    if (count == 0) continue;
    const unsigned held_back = choose ? chooser_.choose_delayed(count + 1) : 0;
    if (held_back == count) continue;
    // Ours is older than what comes now: it leaves first.
    for (const Entry& entry : threads_[self].buffer)
      if (entry.location == location) {
        drain(self);
        break;
      }
    commit(threads_[other], ends.at(count - 1 - held_back));
  }
}

// Weak: `self` reads message `index`.
void Memory::read(Thread& thread, unsigned location, size_t index, Order order) {
  const Message& message = locations_[location].history[index];
  const auto at = static_cast<uint16_t>(index);
  if (at > thread.now.at[location]) thread.now.at[location] = at;
  thread.pending.join(message.released);
  if (acquires(order)) thread.now.join(message.released);
}

uint64_t Memory::load(unsigned self, unsigned location, Order order) {
  Thread& thread = threads_[self];
  Location& at = locations_[location];
  if (model_ == Model::Tso) {
    settle_others(self, location, true);
    for (size_t i = thread.buffer.size(); i > 0; --i)
      if (thread.buffer[i - 1].location == location) return thread.buffer[i - 1].value;
    return at.value;
  }
  const size_t newest = at.history.size() - 1;
  const size_t allowed = newest - thread.now.at[location] + 1;
  const size_t index = newest - chooser_.choose_delayed(static_cast<unsigned>(allowed));
  read(thread, location, index, order);
  if (order == Order::SeqCst) fence(self);
  return at.history[index].value;
}

void Memory::store(unsigned self, unsigned location, uint64_t value, Order order) {
  Thread& thread = threads_[self];
  Location& at = locations_[location];
  if (model_ == Model::Tso) {
    settle_others(self, location, true);
    thread.buffer.push_back(Entry{location, value});
    if (thread.buffer.size() > 12) commit(thread, 1);
    if (order == Order::SeqCst || self == kMain) drain(self);
    return;
  }
  if (order == Order::SeqCst) fence(self);
  const auto index = static_cast<uint16_t>(at.history.size());
  thread.now.at[location] = index;
  View released = releases(order) ? thread.now : thread.fenced;
  released.at[location] = index;
  at.history.push_back(Message{value, released});
  if (order == Order::SeqCst) fence(self);
}

uint64_t Memory::begin_exchange(unsigned self, unsigned location) {
  Location& at = locations_[location];
  if (model_ == Model::Weak) return at.history.back().value;
  drain(self);
  settle_others(self, location, true);
  return at.value;
}

void Memory::end_exchange(unsigned self, unsigned location, uint64_t value, Order order) {
  Thread& thread = threads_[self];
  Location& at = locations_[location];
  if (model_ == Model::Tso) {
    at.value = value;
    return;
  }
  if (order == Order::SeqCst) fence(self);
  read(thread, location, at.history.size() - 1, order);
  const auto index = static_cast<uint16_t>(at.history.size());
  thread.now.at[location] = index;
  View released = releases(order) ? thread.now : thread.fenced;
  released.join(at.history.back().released);  // the release sequence goes on
  released.at[location] = index;
  at.history.push_back(Message{value, released});
  if (order == Order::SeqCst) fence(self);
}

void Memory::fail_exchange(unsigned self, unsigned location, Order order) {
  if (model_ == Model::Weak) read(threads_[self], location, locations_[location].history.size() - 1, order);
}

void Memory::fence(unsigned self) {
  Thread& thread = threads_[self];
  if (model_ == Model::Tso) return drain(self);
  thread.now.join(thread.pending);
  total_.join(thread.now);
  thread.now = thread.pending = thread.fenced = total_;
}

void Memory::membarrier() {
  // Everybody passes a full fence while everybody else stands still.
  for (int round = 0; round < 2; ++round)
    for (unsigned self = 0; self <= kMaxThreads; ++self) fence(self);
}

bool Memory::up_to_date(unsigned self, unsigned location) const {
  if (model_ == Model::Tso) return true;
  return threads_[self].now.at[location] + 1u == locations_[location].history.size();
}

uint64_t Memory::settled(unsigned self, unsigned location) {
  if (model_ == Model::Weak) return locations_[location].history.back().value;
  drain(self);
  settle_others(self, location, false);
  return locations_[location].value;
}

}  // namespace causeway::interleave
