// SPDX-License-Identifier: MIT
//
// What causeway/abi.h exports of runtime/sync. The C++ headers are the only callers and pass valid pointers; errors are answered by status
// alone, and the header that throws adds the text.
#include "causeway/abi.h"
#include "runtime/sync/sync.hpp"

namespace {

causeway::sync::Channel* inner(cw_abi_channel* channel) noexcept { return reinterpret_cast<causeway::sync::Channel*>(channel); }

}  // namespace

cw_status cw_abi_mutex_lock(cw_abi_mutex* mutex, uintptr_t frame, uint64_t timeout_ns) {
  return causeway::sync::mutex_lock(*mutex, frame, timeout_ns);
}

cw_status cw_abi_mutex_unlock(cw_abi_mutex* mutex) { return causeway::sync::mutex_unlock(*mutex); }

void cw_abi_event_set(cw_abi_event* event) { causeway::sync::event_set(*event); }

void cw_abi_event_reset(cw_abi_event* event) { causeway::sync::event_reset(*event); }

cw_status cw_abi_event_wait(cw_abi_event* event, uint64_t timeout_ns) { return causeway::sync::event_wait(*event, timeout_ns); }

cw_status cw_abi_wait_group_add(cw_abi_wait_group* group, int64_t delta) { return causeway::sync::wait_group_add(*group, delta); }

cw_status cw_abi_wait_group_wait(cw_abi_wait_group* group, uint64_t timeout_ns) {
  return causeway::sync::wait_group_wait(*group, timeout_ns);
}

cw_status cw_abi_channel_create(const cw_abi_item_ops* ops, size_t capacity, cw_abi_channel** out) {
  const auto channel = causeway::sync::Channel::create(*ops, capacity);
  if (!channel) return channel.error().code;
  *out = reinterpret_cast<cw_abi_channel*>(*channel);
  return CW_OK;
}

cw_status cw_abi_channel_send(cw_abi_channel* channel, void* item, uint64_t timeout_ns) { return inner(channel)->send(item, timeout_ns); }

cw_status cw_abi_channel_receive(cw_abi_channel* channel, void* item, uint64_t timeout_ns) {
  return inner(channel)->receive(item, timeout_ns);
}

cw_status cw_abi_channel_close(cw_abi_channel* channel) { return inner(channel)->close(); }

void cw_abi_channel_destroy(cw_abi_channel* channel) { causeway::sync::Channel::destroy(inner(channel)); }
