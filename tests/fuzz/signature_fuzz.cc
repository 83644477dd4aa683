// SPDX-License-Identifier: MIT
//
// libFuzzer on the signature parser. An input is the text of a signature; after a line end, the types of what is passed for `...`.
//
// Besides what the sanitizers see, each answer is held against what must be true of it: of a signature its counts and layouts, the same answer
// for the same text with other blanks, and for a callback wherever there is no `...`; of a refusal its column and its text.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bridge/outbound/outbound.hpp"

namespace {

using namespace causeway::outbound;

std::string_view now_at;

// Not assert(): the input is shown too.
void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not true: %s, of:\n%.*s\n", what, static_cast<int>(now_at.size()), now_at.data());
  std::abort();
}

// Every type that is reached, each with a sane size.
uint32_t check_type(const ffi_type& type, unsigned depth) {
  must(depth <= kMaxNesting + 1, "types nest as deeply as the text at most");
  must(type.alignment != 0 && (type.alignment & (type.alignment - 1)) == 0 && type.alignment <= 16, "an alignment is a power of two");
  must(type.size != 0 && type.size <= kMaxValueBytes && type.size % type.alignment == 0, "a size is a multiple of the alignment");
  if (type.type != FFI_TYPE_STRUCT) return 1;
  must(type.elements != nullptr && type.elements[0] != nullptr, "a struct has members");
  uint32_t n = 1;
  size_t least = 0;
  for (ffi_type** member = type.elements; *member != nullptr; ++member) {
    n += check_type(**member, depth + 1);
    least += (*member)->size;
  }
  must(least <= type.size, "a struct has room for its members");
  return n;
}

void check_made(const Signature& made, std::string_view text) {
  must(made.text == text, "the text is kept");
  must(made.arguments == made.cif.nargs && made.arguments <= kMaxArguments, "each argument is libffi's too");
  must(made.fixed <= made.arguments && (made.variadic || made.fixed == made.arguments), "only `...` has more than the fixed ones");
  must(!made.variadic || text.find("...") != std::string_view::npos, "`...` comes from the text");
  must((made.result == TypeKind::Void) == (made.result_bytes == 0), "void alone has no bytes");
  if (made.result != TypeKind::Void) {
    check_type(*made.cif.rtype, 0);
    must(made.cif.rtype->size == made.result_bytes, "the result's size is libffi's");
  }
  size_t bytes = 0;
  for (uint32_t i = 0; i < made.arguments; ++i) {
    check_type(*made.cif.arg_types[i], 0);
    bytes += made.cif.arg_types[i]->size;
  }
  must(bytes <= kMaxArgumentBytes, "the arguments have room on a stack");
}

void check_refused(const SignatureError& error, std::string_view text, const std::string_view* more) {
  must(error.status == CW_E_SIGNATURE || error.status == CW_E_NOMEM, "a refusal has its status");
  must(!error.text.view().empty(), "a refusal has a text");
  const size_t longest = more != nullptr && more->size() > text.size() ? more->size() : text.size();
  must(error.column <= longest + 1, "the column is in the text, or just behind it");
  if (error.column != 0)
    must(std::string_view(error.text.c_str()).find("column " + std::to_string(error.column)) != std::string_view::npos,
         "the text says the column");
}

// The same with a blank behind each mark.
std::string with_blanks(std::string_view text) {
  std::string wide;
  for (const char c : text) {
    if (std::string_view("(){}[],").find(c) != std::string_view::npos) wide.append(" ").append(1, c).append(" ");
    else wide.push_back(c);
  }
  return wide;
}

void check_same(const Signature* a, const Signature* b, const char* what) {
  must((a != nullptr) == (b != nullptr), what);
  if (a == nullptr) return;
  must(a->arguments == b->arguments && a->result == b->result && a->result_bytes == b->result_bytes && a->variadic == b->variadic, what);
  for (uint32_t i = 0; i < a->arguments; ++i)
    must(a->cif.arg_types[i]->size == b->cif.arg_types[i]->size && a->cif.arg_types[i]->alignment == b->cif.arg_types[i]->alignment, what);
}

SignatureOwner parsed(std::string_view text, SignatureUse use, const std::string_view* more) {
  SignatureError error;
  SignatureOwner made = parse_signature(text, use, more, error);
  if (made != nullptr) check_made(*made, text);
  else check_refused(error, text, more);
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  now_at = input;
  const size_t line = input.find('\n');
  const std::string_view text = input.substr(0, line);
  const SignatureOwner out = parsed(text, SignatureUse::CallOut, nullptr);
  const SignatureOwner in = parsed(text, SignatureUse::CallIn, nullptr);
  if (out == nullptr || out->variadic) must(in == nullptr, "a callback takes no more than a call");
  else check_same(out.get(), in.get(), "a callback takes what a call does, but for `...`");
  if (const std::string wide = with_blanks(text); wide.size() <= kMaxSignatureText)
    check_same(out.get(), parsed(wide, SignatureUse::CallOut, nullptr).get(), "blanks change nothing");
  // A file of the corpus ends in a line end, and that is no second line.
  if (line == std::string_view::npos || line + 1 == size) return 0;
  const std::string_view second = input.substr(line + 1);
  const std::string_view more = second.substr(0, second.find('\n'));
  const SignatureOwner call = parsed(text, SignatureUse::CallOut, &more);
  must(call == nullptr || (out != nullptr && out->variadic), "only a signature with `...` takes more");
  return 0;
}
