// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cstring>
#include <new>

#include "bridge/outbound/signature_nodes.hpp"

namespace causeway::outbound {

ffi_type bool_type = {sizeof(bool), alignof(bool), FFI_TYPE_UINT8, nullptr};

namespace {

ffi_type* scalar_type(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::Bool: return &bool_type;
    case TypeKind::U8: return &ffi_type_uint8;
    case TypeKind::I8: return &ffi_type_sint8;
    case TypeKind::I16: return &ffi_type_sint16;
    case TypeKind::U16: return &ffi_type_uint16;
    case TypeKind::I32: return &ffi_type_sint32;
    case TypeKind::U32: return &ffi_type_uint32;
    case TypeKind::I64: return &ffi_type_sint64;
    case TypeKind::U64: return &ffi_type_uint64;
    case TypeKind::F32: return &ffi_type_float;
    case TypeKind::F64: return &ffi_type_double;
    case TypeKind::F80: return &ffi_type_longdouble;
    case TypeKind::Ptr: return &ffi_type_pointer;
    default: return &ffi_type_void;
  }
}

// Memory of the one piece, handed out from its begin.
class Piece {
 public:
  explicit Piece(void* at) noexcept : at_(static_cast<char*>(at)) {}
  template <class T>
  T* take(size_t n) noexcept {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    at_ += -reinterpret_cast<uintptr_t>(at_) & (alignof(T) - 1);
    T* taken = reinterpret_cast<T*>(at_);
    at_ += n * sizeof(T);  // NOLINT(bugprone-sizeof-expression): some T are pointers
    return taken;
  }

 private:
  char* at_;
};

struct Counts {
  size_t aggregates = 0;
  size_t elements = 0;  // pointers, with the null after each list
};

Counts count(const SignatureNodes& read) noexcept {
  Counts counts;
  for (uint32_t i = 0; i < read.used; ++i) {
    const TypeNode& node = read.nodes[i];
    if (node.kind != TypeKind::Struct && node.kind != TypeKind::Array) continue;
    ++counts.aggregates;
    counts.elements += node.count + 1;
  }
  return counts;
}

// Types of all nodes; of what is within others first. libffi knows no arrays: a struct of so many elements is laid out and passed alike.
void build_types(const SignatureNodes& read, ffi_type** types, ffi_type* aggregates, ffi_type** elements) noexcept {
  for (uint32_t i = read.used; i-- > 0;) {
    const TypeNode& node = read.nodes[i];
    if (node.kind != TypeKind::Struct && node.kind != TypeKind::Array) {
      types[i] = scalar_type(node.kind);
      continue;
    }
    if (node.count == 1 && types[i + 1] == &ffi_type_longdouble) {
      types[i] = &ffi_type_longdouble;  // passed alike; libffi 3.4.4 looks for such a result in the wrong registers
      continue;
    }
    types[i] = aggregates;
    *aggregates++ = ffi_type{0, 0, FFI_TYPE_STRUCT, elements};
    uint32_t child = i + 1;
    for (uint32_t n = 0; n < node.count; ++n) {
      *elements++ = types[child];
      if (node.kind == TypeKind::Struct) child = read.nodes[child].end;
    }
    *elements++ = nullptr;
  }
}

SignatureOwner no_memory(SignatureError& error) noexcept {
  error.status = CW_E_NOMEM;
  error.text.append("no memory for a signature");
  return nullptr;
}

bool prepare(ffi_cif& cif, bool variadic, uint32_t fixed, uint32_t n, ffi_type* result, ffi_type** arguments) noexcept {
  return (variadic ? ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, fixed, n, result, arguments)
                   : ffi_prep_cif(&cif, FFI_DEFAULT_ABI, n, result, arguments)) == FFI_OK;
}

SignatureOwner build(std::string_view text, const std::string_view* more, const SignatureNodes& read, ffi_type** types,
                     SignatureError& error) noexcept {
  const Counts counts = count(read);
  const size_t bytes = sizeof(Signature) + counts.aggregates * sizeof(ffi_type) +
                       (counts.elements + 2 * read.arguments + 1) * sizeof(ffi_type*) + kMaxSteps * sizeof(Step) + text.size() +
                       (more == nullptr ? 0 : more->size()) + 2 + 5 * alignof(std::max_align_t);
  void* memory = std::malloc(bytes);
  if (memory == nullptr) return no_memory(error);
  Piece piece(memory);
  SignatureOwner made(::new (piece.take<Signature>(1)) Signature{});
  auto* aggregates = piece.take<ffi_type>(counts.aggregates);
  auto** elements = piece.take<ffi_type*>(counts.elements);
  auto** arguments = piece.take<ffi_type*>(2 * read.arguments + 1);
  auto* steps = piece.take<Step>(kMaxSteps);
  auto copied = [&piece](std::string_view given) {
    char* copy = piece.take<char>(given.size() + 1);
    if (!given.empty()) std::memcpy(copy, given.data(), given.size());
    copy[given.size()] = '\0';
    return std::string_view(copy, given.size());
  };
  made->text = copied(text);
  made->has_more = more != nullptr;
  if (more != nullptr) made->more = copied(*more);

  build_types(read, types, aggregates, elements);
  const TypeNode& result = read.nodes[0];
  made->result = result.kind;
  made->result_bytes = result.bytes;
  made->arguments = read.arguments;
  made->fixed = read.fixed;
  made->variadic = read.variadic;
  uint32_t node = result.end;
  for (uint32_t i = 0; i < read.arguments; ++i, node = read.nodes[node].end) arguments[i] = types[node];
  // The call's types follow the others.
  ffi_type** given = arguments + read.arguments;
  const arch::Part part = find_split(read, *made);
  const bool split = made->split != kNoSplit;
  for (uint32_t i = 0, to = 0; i < read.arguments; ++i) {
    given[to++] = i == made->split ? &ffi_type_uint64 : arguments[i];
    if (i == made->split) given[to++] = part.bytes == 4 ? &ffi_type_float : &ffi_type_double;
  }
  const uint32_t fixed = read.fixed + (split && made->split < read.fixed ? 1 : 0);
  if (!prepare(made->cif, read.variadic, read.fixed, read.arguments, types[0], arguments) ||
      !prepare(made->call_cif, read.variadic, fixed, read.arguments + (split ? 1 : 0), types[0], given)) {
    error.status = CW_E_SIGNATURE;
    error.text.append("libffi cannot do this signature");
    return nullptr;
  }
  plan_registers(read, steps, *made);
  return made;
}

}  // namespace

void SignatureFree::operator()(Signature* signature) const noexcept { std::free(signature); }

SignatureOwner parse_signature(std::string_view text, SignatureUse use, const std::string_view* more, SignatureError& error) noexcept {
  error = {};
  // A node takes a character at least. What is too long is refused before it is looked at.
  const size_t room = (text.size() < kMaxSignatureText ? text.size() : kMaxSignatureText) +
                      (more == nullptr                    ? 0
                       : more->size() < kMaxSignatureText ? more->size()
                                                          : kMaxSignatureText) +
                      1;
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  const std::unique_ptr<void, Free> scratch(std::malloc(room * (sizeof(ffi_type*) + sizeof(TypeNode))));
  if (scratch == nullptr) return no_memory(error);
  Piece piece(scratch.get());
  auto** types = piece.take<ffi_type*>(room);
  SignatureNodes read{piece.take<TypeNode>(room)};
  if (!read_signature(text, use, more, read, error)) return nullptr;
  return build(text, more, read, types, error);
}

}  // namespace causeway::outbound
