// SPDX-License-Identifier: MIT
#include "bridge/outbound/signature_nodes.hpp"

namespace causeway::outbound {

namespace {

struct Name {
  std::string_view name;
  TypeKind kind;
};

constexpr TypeKind kChar = static_cast<char>(-1) < 0 ? TypeKind::I8 : TypeKind::U8;
constexpr TypeKind kLong = sizeof(long) == 8 ? TypeKind::I64 : TypeKind::I32;
constexpr TypeKind kSize = sizeof(size_t) == 8 ? TypeKind::U64 : TypeKind::U32;

constexpr Name kNames[] = {
    {"void", TypeKind::Void},  {"bool", TypeKind::Bool}, {"i8", TypeKind::I8},   {"u8", TypeKind::U8},   {"i16", TypeKind::I16},
    {"u16", TypeKind::U16},    {"i32", TypeKind::I32},   {"u32", TypeKind::U32}, {"i64", TypeKind::I64}, {"u64", TypeKind::U64},
    {"f32", TypeKind::F32},    {"f64", TypeKind::F64},   {"f80", TypeKind::F80}, {"ptr", TypeKind::Ptr}, {"size", kSize},
    {"char", kChar},           {"short", TypeKind::I16}, {"int", TypeKind::I32}, {"long", kLong},        {"float", TypeKind::F32},
    {"double", TypeKind::F64},
};
static_assert(sizeof(short) == 2 && sizeof(int) == 4 && sizeof(bool) == 1);

constexpr const char* kTypes =
    "; types are void bool i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 f80 ptr size char short int long float double, {...} for a struct, and [n x type] "
    "within one";

constexpr uint32_t bytes_of(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::Bool:
    case TypeKind::I8:
    case TypeKind::U8: return 1;
    case TypeKind::I16:
    case TypeKind::U16: return 2;
    case TypeKind::I32:
    case TypeKind::U32:
    case TypeKind::F32: return 4;
    case TypeKind::I64:
    case TypeKind::U64:
    case TypeKind::F64: return 8;
    case TypeKind::F80: return sizeof(long double);
    case TypeKind::Ptr: return sizeof(void*);
    default: return 0;
  }
}
constexpr uint32_t align_of(TypeKind kind) noexcept { return kind == TypeKind::F80 ? alignof(long double) : bytes_of(kind); }
constexpr uint32_t round_up(uint32_t n, uint32_t align) noexcept { return (n + align - 1) / align * align; }

bool is_name_character(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

class Reader {
 public:
  // label: before the column, for the second text of a call.
  Reader(std::string_view text, std::string_view label, SignatureNodes& out, SignatureError& error) noexcept
      : text_(text), label_(label), out_(out), error_(error) {}

  bool signature(SignatureUse use) noexcept {
    if (text_.size() > kMaxSignatureText) return too_long();
    if (!type(Void::Allowed)) return false;
    if (!expect('(', "'('")) return false;
    if (take(')')) return end();
    if (void_alone()) return expect(')', "')' after void") && end();
    for (;;) {
      skip();
      if (text_.substr(at_).starts_with("...")) {
        if (out_.arguments == 0) return fail(at_, "expected a type before '...'");
        if (use == SignatureUse::CallIn) return fail(at_, "expected a type: a callback cannot take '...'");
        out_.variadic = true;
        at_ += 3;
        return expect(')', "')' after '...'") && end();
      }
      if (!argument()) return false;
      ++out_.fixed;
      if (take(')')) return end();
      if (!expect(',', "',' or ')'")) return false;
    }
  }

  // What is passed for `...`: types with commas between, or nothing.
  bool more() noexcept {
    if (text_.size() > kMaxSignatureText) return too_long();
    skip();
    if (at_ == text_.size()) return true;
    for (;;) {
      skip();
      const size_t begin = at_;
      const uint32_t node = out_.used;
      if (!argument()) return false;
      const TypeKind kind = out_.nodes[node].kind;
      if (kind == TypeKind::F32) return fail(begin, "a float is passed as f64 where the signature has '...'");
      if (bytes_of(kind) == 1 || bytes_of(kind) == 2)
        return fail(begin, "an integer narrower than an int is passed as i32 where the signature has '...'");
      skip();
      if (at_ == text_.size()) return true;
      if (!expect(',', "',' or the end")) return false;
    }
  }

 private:
  enum class Void : uint8_t { Allowed, Refused };
  struct Open {
    uint32_t node;
    size_t column;
  };

  void skip() noexcept {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  bool take(char c) noexcept {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool expect(char c, std::string_view what) noexcept { return take(c) || expected(what); }
  bool end() noexcept {
    skip();
    return at_ == text_.size() || expected("the end");
  }
  std::string_view word() const noexcept {
    size_t n = 0;
    while (at_ + n < text_.size() && is_name_character(text_[at_ + n])) ++n;
    return text_.substr(at_, n);
  }
  bool void_alone() noexcept {
    skip();
    if (word() != "void") return false;
    const size_t before = at_;
    at_ += 4;
    skip();
    if (at_ < text_.size() && text_[at_] == ')') return true;
    at_ = before;
    return false;
  }

  bool argument() noexcept {
    skip();
    const size_t begin = at_;
    if (out_.arguments == kMaxArguments) return fail(begin, "expected no more than 127 arguments");
    const uint32_t node = out_.used;
    if (!type(Void::Refused)) return false;
    bytes_ += round_up(out_.nodes[node].bytes, 16);
    if (bytes_ > kMaxArgumentBytes) return fail(begin, "expected no more than 8 KiB of arguments; pass a pointer");
    ++out_.arguments;
    return true;
  }

  TypeNode& push(TypeKind kind) noexcept {
    TypeNode& node = out_.nodes[out_.used++];
    node = {kind, 0, out_.used, bytes_of(kind), align_of(kind)};
    return node;
  }

  // One type, with all that is within it. No recursion: what is open is in `open`.
  bool type(Void allowed) noexcept {
    Open open[kMaxNesting];
    uint32_t depth = 0;
    for (;;) {
      if (!begin_type(open, depth, allowed)) return false;
      if (opened_) continue;
      for (bool complete = true; complete;) {  // closes all that ends here
        if (depth == 0) return true;
        if (!end_member(open, depth, complete)) return false;
      }
    }
  }

  // A name, or the beginning of a struct or an array (opened_).
  bool begin_type(Open* open, uint32_t& depth, Void allowed) noexcept {
    skip();
    opened_ = true;
    const size_t begin = at_;
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '{' || c == '[') {
      if (c == '[' && depth == 0) return fail(at_, "expected a type, found an array: those are for structs; pass a ptr");
      if (depth == kMaxNesting) return fail(at_, "expected no more than 16 structs and arrays within each other");
      ++at_;
      open[depth++] = {out_.used, begin};
      TypeNode& node = push(c == '{' ? TypeKind::Struct : TypeKind::Array);
      node.align = 1;
      return c == '{' || array_count(node);
    }
    opened_ = false;
    const std::string_view name = word();
    for (const Name& known : kNames) {
      if (known.name != name) continue;
      if (known.kind == TypeKind::Void && (allowed == Void::Refused || depth != 0))
        return fail(begin,
                    depth != 0 ? "expected a type, found void: no member is one" : "expected a type, found void: only a result is one");
      push(known.kind);
      at_ += name.size();
      return true;
    }
    return expected("a type", kTypes);
  }

  bool array_count(TypeNode& node) noexcept {
    skip();
    const size_t begin = at_;
    uint32_t n = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      n = n * 10 + static_cast<uint32_t>(text_[at_] - '0');
      if (n > kMaxValueBytes) return fail(begin, "expected an array of 4096 bytes at most");
    }
    if (at_ == begin) return expected("a number of elements");
    if (n == 0) return fail(begin, "expected a number of elements, found 0: C has no empty arrays");
    node.count = n;
    return expect('x', "'x'");
  }

  // The type that was read last is a member or an element of what is open. complete: so is that now.
  bool end_member(Open* open, uint32_t& depth, bool& complete) noexcept {
    TypeNode& outer = out_.nodes[open[depth - 1].node];
    const TypeNode& inner = out_.nodes[last_child(open[depth - 1].node)];
    const size_t column = open[depth - 1].column;
    if (inner.align > outer.align) outer.align = inner.align;
    if (outer.kind == TypeKind::Array) {
      if (inner.bytes * outer.count > kMaxValueBytes)
        return fail(column, "expected an array of 4096 bytes at most");  // each is 4096 at most
      if (!expect(']', "']'")) return false;
      outer.bytes = inner.bytes * outer.count;
    } else {
      outer.bytes = round_up(outer.bytes, inner.align) + inner.bytes;
      ++outer.count;
      if (outer.bytes > kMaxValueBytes) return fail(column, "expected a struct of 4096 bytes at most; pass a pointer");
      if (take(',')) {
        outer.end = out_.used;
        complete = false;
        return true;
      }
      if (!expect('}', "',' or '}'")) return false;
      outer.bytes = round_up(outer.bytes, outer.align);
      if (outer.bytes > kMaxValueBytes) return fail(column, "expected a struct of 4096 bytes at most; pass a pointer");
    }
    outer.end = out_.used;
    --depth;
    return true;
  }
  // While it is open, `end` is where its next child begins.
  uint32_t last_child(uint32_t node) const noexcept { return out_.nodes[node].end; }

  bool too_long() noexcept { return fail(kMaxSignatureText, "expected the end: a signature has 4096 characters at most"); }

  bool expected(std::string_view what, std::string_view hint = {}) noexcept {
    begin_error(at_);
    error_.text.append("expected ").append(what).append(", found ");
    const std::string_view name = word();
    if (at_ >= text_.size()) error_.text.append("the end");
    else if (!name.empty()) error_.text.append("'").append(name.substr(0, 24)).append(name.size() > 24 ? "...'" : "'");
    else if (text_[at_] >= ' ' && text_[at_] <= '~') error_.text.append("'").append(text_.substr(at_, 1)).append("'");
    else error_.text.append("a byte 0x").append_hex(static_cast<unsigned char>(text_[at_]));
    error_.text.append(hint);
    return false;
  }
  bool fail(size_t at, std::string_view what) noexcept {
    begin_error(at);
    error_.text.append(what);
    return false;
  }
  void begin_error(size_t at) noexcept {
    error_.status = CW_E_SIGNATURE;
    error_.column = at + 1;
    error_.text.clear();
    error_.text.append(label_).append("column ").append_dec(at + 1).append(": ");
  }

  std::string_view text_;
  std::string_view label_;
  SignatureNodes& out_;
  SignatureError& error_;
  size_t at_ = 0;
  uint32_t bytes_ = 0;  // of the arguments so far
  bool opened_ = false;
};

}  // namespace

bool read_signature(std::string_view text, SignatureUse use, const std::string_view* more, SignatureNodes& out,
                    SignatureError& error) noexcept {
  if (!Reader(text, "", out, error).signature(use)) return false;
  if (more == nullptr) return true;
  if (!out.variadic) {
    error.status = CW_E_SIGNATURE;
    error.text.clear();
    error.text.append("the signature has no '...', so no types can be given for it");
    return false;
  }
  return Reader(*more, "types, ", out, error).more();
}

}  // namespace causeway::outbound
