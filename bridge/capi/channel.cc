// SPDX-License-Identifier: MIT
//
// cw_channel_*: the channels of the C interface, whose items are bytes. The handle's slot points to the channel, which whoever leaves it
// last after cw_channel_destroy() ends.
#include <cstddef>
#include <memory>
#include <new>

#include "bridge/capi/meeting_point.hpp"
#include "runtime/sync/sync.hpp"

namespace causeway::capi {

namespace {

// The slot points to one. item_ops of a channel must live as long as it does.
struct ChannelObject {
  sync::Channel* channel;
  cw_abi_item_ops ops;
};

void end_channel(HandleSlot& slot) noexcept {
  const std::unique_ptr<ChannelObject> object(slot.as<ChannelObject*>());
  sync::Channel::destroy(object->channel);
}

sync::Channel& channel_in(HandleSlot& slot) noexcept { return *slot.as<ChannelObject*>()->channel; }

cw_status answer(cw_status status) noexcept {
  switch (status) {
    case CW_OK: return CW_OK;
    case CW_E_CLOSED: return failed(status, "the channel is closed");
    case CW_E_TIMEOUT: return failed(status, "the channel had no room, or no item, in time");
    case CW_E_CANCELLED: return failed(status, "the green thread that waits at the channel was asked to stop");
    case CW_E_ASYNC: return failed(status, "channels are not for signal handlers; set an event there");
    default: return failed(status, handle_error_text(status));
  }
}

}  // namespace
}  // namespace causeway::capi

// Defined in the global namespace: there the header's declaration makes them visible.
using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject

cw_status cw_channel_create(size_t item_size, size_t capacity, cw_channel* out) {
  if (out == nullptr) return failed(CW_E_INVALID, "cw_channel_create: out is NULL");
  std::unique_ptr<ChannelObject> object(new (std::nothrow)
                                            ChannelObject{nullptr, {item_size, alignof(max_align_t), nullptr, nullptr, nullptr}});
  if (object == nullptr) return failed(CW_E_NOMEM, "no memory for a channel");
  const auto slot = handles().reserve();
  if (!slot) return failed(slot.error().code, slot.error().text);
  const auto channel = causeway::sync::Channel::create(object->ops, capacity);
  if (!channel) {
    handles().release(**slot);
    return failed(channel.error().code, channel.error().text);
  }
  object->channel = *channel;
  (*slot)->as<ChannelObject*>() = object.release();
  *out = handles().publish(**slot, HandleKind::Channel);
  return CW_OK;
}

cw_status cw_channel_send(cw_channel channel, const void* item, uint64_t timeout_ns) {
  if (item == nullptr) return failed(CW_E_INVALID, "cw_channel_send: item is NULL");
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin(channel, HandleKind::Channel, &slot); status != CW_OK) return answer(status);
  const PinScope pin(*slot, end_channel);
  // Items without a move operation are copied, so what item points to is only read.
  return answer(channel_in(*slot).send(const_cast<void*>(item), timeout_ns));
}

cw_status cw_channel_receive(cw_channel channel, void* item, uint64_t timeout_ns) {
  if (item == nullptr) return failed(CW_E_INVALID, "cw_channel_receive: item is NULL");
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin(channel, HandleKind::Channel, &slot); status != CW_OK) return answer(status);
  const PinScope pin(*slot, end_channel);
  return answer(channel_in(*slot).receive(item, timeout_ns));
}

cw_status cw_channel_close(cw_channel channel) {
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin(channel, HandleKind::Channel, &slot); status != CW_OK) return answer(status);
  const PinScope pin(*slot, end_channel);
  return answer(channel_in(*slot).close());
}

cw_status cw_channel_destroy(cw_channel channel) {
  {
    const causeway::sched::WaitScope probe;  // else the handle would be gone, and nobody let go
    if (probe.async()) return answer(CW_E_ASYNC);
  }
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().remove(channel, HandleKind::Channel, &slot); status != CW_OK) return answer(status);
  const PinScope pin(*slot, end_channel);
  channel_in(*slot).close();  // CW_E_CLOSED: it was already
  return CW_OK;
}
