// SPDX-License-Identifier: MIT
//
// What causeway/abi.h exports of runtime/sync. The C++ headers are the only callers and pass valid pointers; errors are answered by status
// alone, and the header that throws adds the text.
#include "causeway/abi.h"
#include "runtime/sync/sync.hpp"

using causeway::sched::stop_point;

namespace {

causeway::sync::Channel* inner(cw_abi_channel* channel) noexcept { return reinterpret_cast<causeway::sync::Channel*>(channel); }

}  // namespace

void cw_abi_stop_wait_request(cw_abi_stop_wait* stop) { causeway::sched::request_stop(*stop_point(stop)); }

cw_status cw_abi_mutex_lock(cw_abi_mutex* mutex, uintptr_t frame, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return causeway::sync::mutex_lock(*mutex, frame, timeout_ns, stop_point(stop));
}

cw_status cw_abi_mutex_unlock(cw_abi_mutex* mutex) { return causeway::sync::mutex_unlock(*mutex); }

void cw_abi_event_set(cw_abi_event* event) { causeway::sync::event_set(*event); }

void cw_abi_event_reset(cw_abi_event* event) { causeway::sync::event_reset(*event); }

cw_status cw_abi_event_wait(cw_abi_event* event, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return causeway::sync::event_wait(*event, timeout_ns, stop_point(stop));
}

cw_status cw_abi_wait_group_add(cw_abi_wait_group* group, int64_t delta) { return causeway::sync::wait_group_add(*group, delta); }

cw_status cw_abi_wait_group_wait(cw_abi_wait_group* group, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return causeway::sync::wait_group_wait(*group, timeout_ns, stop_point(stop));
}

cw_status cw_abi_semaphore_acquire(cw_abi_semaphore* semaphore, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return causeway::sync::semaphore_acquire(*semaphore, timeout_ns, stop_point(stop));
}

cw_status cw_abi_semaphore_release(cw_abi_semaphore* semaphore, uint32_t n) { return causeway::sync::semaphore_release(*semaphore, n); }

cw_status cw_abi_shared_mutex_lock(cw_abi_shared_mutex* mutex, uintptr_t frame, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return causeway::sync::shared_mutex_lock(*mutex, frame, timeout_ns, stop_point(stop));
}

cw_status cw_abi_shared_mutex_lock_shared(cw_abi_shared_mutex* mutex, uintptr_t frame, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return causeway::sync::shared_mutex_lock_shared(*mutex, frame, timeout_ns, stop_point(stop));
}

cw_status cw_abi_shared_mutex_unlock(cw_abi_shared_mutex* mutex) { return causeway::sync::shared_mutex_unlock(*mutex); }

cw_status cw_abi_shared_mutex_unlock_shared(cw_abi_shared_mutex* mutex) { return causeway::sync::shared_mutex_unlock_shared(*mutex); }

cw_status cw_abi_condition_enter(cw_abi_condition* condition, cw_abi_condition_wait* wait) {
  return causeway::sync::condition_enter(*condition, *wait);
}

cw_status cw_abi_condition_wait_for(cw_abi_condition* condition, cw_abi_condition_wait* wait, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return causeway::sync::condition_wait_for(*condition, *wait, timeout_ns, stop_point(stop));
}

cw_status cw_abi_condition_notify(cw_abi_condition* condition, int all) {
  return causeway::sync::condition_notify(*condition, all != 0 ? causeway::sync::Notify::All : causeway::sync::Notify::One);
}

cw_status cw_abi_once_begin(cw_abi_once* once, uintptr_t frame, uint64_t timeout_ns, int* mine, cw_abi_stop_wait* stop) {
  bool to_do = false;
  const cw_status status = causeway::sync::once_begin(*once, frame, timeout_ns, to_do, stop_point(stop));
  if (status == CW_OK) *mine = to_do ? 1 : 0;
  return status;
}

void cw_abi_once_end(cw_abi_once* once, int done) {
  causeway::sync::once_end(*once, done != 0 ? causeway::sync::OnceEnd::Done : causeway::sync::OnceEnd::NotDone);
}

void cw_abi_destroyed_in_use(const char* what, const void* object) {
  // exit() destroys static objects while threads of all kinds may still wait in them, and go with the process.
  if (causeway::os::in_static_storage(object)) return;
  causeway::base::TextBuffer<128> text;
  text.append(what);
  text.append(" was destroyed while somebody waits in it");
  causeway::base::fatal(causeway::base::FatalId::Invariant, text.view());
}

cw_status cw_abi_channel_create(const cw_abi_item_ops* ops, size_t capacity, cw_abi_channel** out) {
  const auto channel = causeway::sync::Channel::create(*ops, capacity);
  if (!channel) return channel.error().code;
  *out = reinterpret_cast<cw_abi_channel*>(*channel);
  return CW_OK;
}

// Not inlined, in static builds with link-time optimisation: in a caller the compiler would see how large the item is, but not that the
// channel's item size says the same, and warn of the copy that is for another size.
CW_NOINLINE cw_status cw_abi_channel_send(cw_abi_channel* channel, void* item, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  if (channel == nullptr) [[unlikely]]  // moved from, as in the two below
    return CW_E_CLOSED;
  return inner(channel)->send(item, timeout_ns, stop_point(stop));
}

CW_NOINLINE cw_status cw_abi_channel_receive(cw_abi_channel* channel, void* item, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  if (channel == nullptr) [[unlikely]]
    return CW_E_CLOSED;
  return inner(channel)->receive(item, timeout_ns, stop_point(stop));
}

cw_status cw_abi_channel_close(cw_abi_channel* channel) { return channel != nullptr ? inner(channel)->close() : CW_E_CLOSED; }

void cw_abi_channel_destroy(cw_abi_channel* channel) { causeway::sync::Channel::destroy(inner(channel)); }
