// SPDX-License-Identifier: MIT
//
// The signatures that were read, by their texts. A chain per hash, under one lock: creating a function or a callback looks here, calling one does not.
#include "bridge/outbound/signature.hpp"

namespace causeway::outbound {

namespace {

constexpr size_t kChains = 1024;

constinit base::Lock table_lock{base::LockRank::Object};
CW_STATIC_LOCK(table_lock);
// --- guarded by table_lock ---
Signature* chains[kChains];
uint32_t known;

uint64_t hash_of(std::string_view text, std::string_view more) noexcept {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  for (const char c : more) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ (hash >> 32);
}

Signature* find_locked(uint64_t hash, std::string_view text, const std::string_view* more) noexcept {
  for (Signature* at = chains[hash % kChains]; at != nullptr; at = at->next)
    if (at->hash == hash && at->text == text && at->has_more == (more != nullptr) && (more == nullptr || at->more == *more)) return at;
  return nullptr;
}

}  // namespace

const Signature* intern_signature(std::string_view text, SignatureUse use, const std::string_view* more, SignatureError& error) noexcept {
  const bool short_enough = text.size() <= kMaxSignatureText && (more == nullptr || more->size() <= kMaxSignatureText);
  const uint64_t hash = short_enough ? hash_of(text, more == nullptr ? std::string_view() : *more) : 0;
  if (short_enough) {
    const base::LockGuard guard(table_lock);
    const Signature* found = find_locked(hash, text, more);
    if (found != nullptr && !(found->variadic && use == SignatureUse::CallIn)) return found;
  }
  SignatureOwner made = parse_signature(text, use, more, error);
  if (made == nullptr) return nullptr;
  const base::LockGuard guard(table_lock);
  if (const Signature* found = find_locked(hash, text, more); found != nullptr) return found;  // somebody was faster
  if (known == kMaxSignatures) {
    error.status = CW_E_LIMIT;
    error.text.append("65536 different signatures are known; those are never forgotten");
    return nullptr;
  }
  ++known;
  made->hash = hash;
  made->next = chains[hash % kChains];
  chains[hash % kChains] = made.get();
  return made.release();
}

}  // namespace causeway::outbound
