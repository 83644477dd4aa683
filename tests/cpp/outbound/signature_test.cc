// SPDX-License-Identifier: MIT
//
// The risk: a text that is no signature is taken for one, or its message does not help; a text that is one is laid out in another way than
// the C compiler does; a long or deep text takes memory or stack without end.
#include <doctest/doctest.h>

#include <cstddef>
#include <string>

#include "bridge/outbound/outbound.hpp"

using causeway::outbound::intern_signature;
using causeway::outbound::parse_signature;
using causeway::outbound::SignatureError;
using causeway::outbound::SignatureOwner;
using causeway::outbound::SignatureUse;
using causeway::outbound::TypeKind;

namespace {

SignatureOwner parsed(std::string_view text, SignatureUse use = SignatureUse::CallOut) {
  SignatureError error;
  SignatureOwner made = parse_signature(text, use, nullptr, error);
  INFO("signature: ", std::string(text), "; message: ", error.text.c_str());
  CHECK(made != nullptr);
  CHECK(error.status == CW_OK);
  return made;
}

std::string message(std::string_view text, SignatureUse use = SignatureUse::CallOut) {
  SignatureError error;
  const SignatureOwner made = parse_signature(text, use, nullptr, error);
  INFO("signature: ", std::string(text));
  CHECK(made == nullptr);
  CHECK(error.status == CW_E_SIGNATURE);
  return error.text.c_str();
}

bool starts(const std::string& text, std::string_view with) {
  INFO("message: ", text);
  return text.starts_with(with);
}

// The one argument of "void(<type>)".
ffi_type layout(const std::string& type) {
  const SignatureOwner made = parsed("void(" + type + ")");
  return made == nullptr ? ffi_type{} : *made->cif.arg_types[0];
}

template <class T>
void check_layout(const std::string& type) {
  const ffi_type made = layout(type);
  INFO("type: ", type);
  CHECK(made.size == sizeof(T));
  CHECK(made.alignment == alignof(T));
}

std::string repeated(std::string_view what, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text += what;
  return text;
}

}  // namespace

TEST_CASE("a signature of each type has its kinds and sizes") {
  const SignatureOwner f = parsed("i32(ptr, i32, ptr, ptr)");
  CHECK(f->result == TypeKind::I32);
  CHECK(f->result_bytes == 4);
  CHECK(f->arguments == 4);
  CHECK(f->fixed == 4);
  CHECK(!f->variadic);
  CHECK(f->text == "i32(ptr, i32, ptr, ptr)");
  CHECK(f->cif.arg_types[0] == &ffi_type_pointer);

  CHECK(parsed("void()")->result_bytes == 0);
  CHECK(parsed("void(void)")->arguments == 0);
  CHECK(parsed(" void \t( \n void\r ) ")->arguments == 0);
  CHECK(parsed("bool(bool,i8,u8,i16,u16,i32,u32,i64,u64,f32,f64,f80,ptr,size,char,short,int,long,float,double)")->arguments == 20);

  struct {
    const char* name;
    ffi_type* type;
  } const names[] = {{"bool", &causeway::outbound::bool_type},
                     {"i8", &ffi_type_sint8},
                     {"u8", &ffi_type_uint8},
                     {"i16", &ffi_type_sint16},
                     {"u16", &ffi_type_uint16},
                     {"i32", &ffi_type_sint32},
                     {"u32", &ffi_type_uint32},
                     {"i64", &ffi_type_sint64},
                     {"u64", &ffi_type_uint64},
                     {"f32", &ffi_type_float},
                     {"f64", &ffi_type_double},
                     {"f80", &ffi_type_longdouble},
                     {"ptr", &ffi_type_pointer},
                     {"size", &ffi_type_uint64},
                     {"short", &ffi_type_sint16},
                     {"int", &ffi_type_sint32},
                     {"long", &ffi_type_sint64},
                     {"float", &ffi_type_float},
                     {"double", &ffi_type_double},
                     {"char", static_cast<char>(-1) < 0 ? &ffi_type_sint8 : &ffi_type_uint8}};
  for (const auto& name : names) {
    const SignatureOwner made = parsed(std::string(name.name) + "(" + name.name + ")");
    INFO("type: ", std::string(name.name));
    CHECK(made->cif.rtype == name.type);
    CHECK(made->cif.arg_types[0] == name.type);
    CHECK(made->result_bytes == name.type->size);
  }
}

TEST_CASE("structs and arrays are laid out as the compiler lays them out") {
  struct Inner {
    float a;
    double b;
  };
  struct Outer {
    int a;
    Inner b;
  };
  struct Bytes {
    unsigned char a[5];
    short b;
  };
  struct Table {
    char a;
    Inner b[3][2];
    bool c;
  };
  struct Long {
    char a;
    long double b;
    char c;
  };
  check_layout<Inner>("{f32, f64}");
  check_layout<Outer>("{i32, {f32, f64}}");
  check_layout<Bytes>("{[5 x u8], i16}");
  check_layout<Table>("{char, [3 x [2 x {float, double}]], bool}");
  check_layout<Long>("{char,f80,char}");
  CHECK(parsed("{i32, {f32, f64}}(ptr)")->result == TypeKind::Struct);
  CHECK(parsed("{i32, {f32, f64}}(ptr)")->result_bytes == sizeof(Outer));
}

TEST_CASE("`...` is for calls out, and its types come with the call") {
  const SignatureOwner f = parsed("i32(ptr, ...)");
  CHECK(f->variadic);
  CHECK(f->fixed == 1);
  CHECK(starts(message("i32(ptr, ...)", SignatureUse::CallIn), "column 10: expected a type: a callback cannot take '...'"));
  CHECK(starts(message("i32(...)"), "column 5: expected a type before '...'"));
  CHECK(starts(message("i32(ptr, ..., i32)"), "column 13: expected ')' after '...', found ','"));

  SignatureError error;
  std::string_view more = " i32, f64, {i8, f32},ptr ";
  const SignatureOwner call = parse_signature("i32(ptr, ...)", SignatureUse::CallOut, &more, error);
  REQUIRE(call != nullptr);
  CHECK(call->arguments == 5);
  CHECK(call->fixed == 1);
  auto refused = [&](std::string_view signature, std::string_view types) {
    CHECK(parse_signature(signature, SignatureUse::CallOut, &types, error) == nullptr);
    return std::string(error.text.c_str());
  };
  CHECK(starts(refused("i32(ptr, ...)", "i32, f32"), "types, column 6: a float is passed as f64"));
  CHECK(starts(refused("i32(ptr, ...)", "bool"), "types, column 1: an integer narrower than an int is passed as i32"));
  CHECK(starts(refused("i32(ptr, ...)", "i32,"), "types, column 5: expected a type, found the end"));
  CHECK(starts(refused("i32(ptr, ...)", "i32 i32"), "types, column 5: expected ',' or the end, found 'i32'"));
  CHECK(starts(refused("i32(ptr)", "i32"), "the signature has no '...'"));
  more = "";
  CHECK(parse_signature("i32(ptr, ...)", SignatureUse::CallOut, &more, error)->arguments == 1);
}

TEST_CASE("what is no signature is refused with its column and what was expected") {
  CHECK(starts(message("i32(?"), "column 5: expected a type, found '?'; types are void bool i8"));
  CHECK(starts(message(""), "column 1: expected a type, found the end"));
  CHECK(starts(message("int32(ptr)"), "column 1: expected a type, found 'int32'"));
  CHECK(starts(message("i32"), "column 4: expected '(', found the end"));
  CHECK(starts(message("i32 ptr"), "column 5: expected '(', found 'ptr'"));
  CHECK(starts(message("i32(ptr"), "column 8: expected ',' or ')', found the end"));
  CHECK(starts(message("i32(ptr,)"), "column 9: expected a type, found ')'"));
  CHECK(starts(message("i32(ptr))"), "column 9: expected the end, found ')'"));
  CHECK(starts(message("i32(ptr) x"), "column 10: expected the end, found 'x'"));
  CHECK(starts(message("i32(void, i32)"), "column 5: expected a type, found void: only a result is one"));
  CHECK(starts(message("i32({void})"), "column 6: expected a type, found void: no member is one"));
  CHECK(starts(message("i32({})"), "column 6: expected a type, found '}'"));
  CHECK(starts(message("i32({i32,})"), "column 10: expected a type, found '}'"));
  CHECK(starts(message("i32({i32 i32})"), "column 10: expected ',' or '}', found 'i32'"));
  CHECK(starts(message("i32({i32"), "column 9: expected ',' or '}', found the end"));
  CHECK(starts(message("i32([4 x u8])"), "column 5: expected a type, found an array: those are for structs; pass a ptr"));
  CHECK(starts(message("i32({[x u8]})"), "column 7: expected a number of elements, found 'x'"));
  CHECK(starts(message("i32({[0 x u8]})"), "column 7: expected a number of elements, found 0"));
  CHECK(starts(message("i32({[4 u8]})"), "column 9: expected 'x', found 'u8'"));
  CHECK(starts(message("i32({[4 x u8})"), "column 13: expected ']', found '}'"));
  CHECK(starts(message("i128()"), "column 1: expected a type, found 'i128'"));
  CHECK(starts(message("complex()"), "column 1: expected a type, found 'complex'"));
  CHECK(starts(message(std::string_view("i32(\x01)", 6)), "column 5: expected a type, found a byte 0x1"));
  CHECK(starts(message(std::string_view("i32(\0)", 6)), "column 5: expected a type, found a byte 0x0"));
  CHECK(starts(message("i32(" + repeated("a", 100) + ")"), "column 5: expected a type, found 'aaaaaaaaaaaaaaaaaaaaaaaa...'"));
}

TEST_CASE("what is too much is refused at once") {
  CHECK(parsed("void(" + repeated("i8,", 126) + "i8)")->arguments == 127);
  CHECK(starts(message("void(" + repeated("i8,", 127) + "i8)"), "column 387: expected no more than 127 arguments"));
  CHECK(parsed("void(" + repeated("{", 16) + "i8" + repeated("}", 16) + ")") != nullptr);
  CHECK(starts(message("void(" + repeated("{", 17) + "i8" + repeated("}", 17) + ")"),
               "column 22: expected no more than 16 structs and arrays"));
  CHECK(parsed("void({[4096 x u8]})") != nullptr);
  CHECK(starts(message("void({[4097 x u8]})"), "column 8: expected an array of 4096 bytes at most"));
  CHECK(starts(message("void({[4294967297 x u8]})"), "column 8: expected an array of 4096 bytes at most"));
  CHECK(starts(message("void({[1024 x [1024 x f64]]})"), "column 15: expected an array of 4096 bytes at most"));
  CHECK(starts(message("void({[4096 x u8], u8})"), "column 6: expected a struct of 4096 bytes at most"));
  CHECK(starts(message("void({f64, [4088 x u8], u8})"), "column 6: expected a struct of 4096 bytes at most"));
  CHECK(parsed("void(" + repeated("{[4096 x u8]},", 1) + "{[4096 x u8]})")->arguments == 2);
  CHECK(starts(message("void(" + repeated("{[4096 x u8]},", 2) + "i8)"), "column 34: expected no more than 8 KiB of arguments"));
  CHECK(starts(message(repeated("(", 10 << 20)), "column 4097: expected the end: a signature has 4096 characters at most"));
  CHECK(starts(message(repeated("{", 4096)), "column 17: expected no more than 16 structs and arrays"));
  CHECK(parsed("i32({" + repeated("i8,", 1350) + "i8})")->arguments == 1);  // a member per three characters
}

TEST_CASE("equal texts have one signature, which a use may still refuse") {
  SignatureError error;
  const auto* first = intern_signature("i32(ptr, u8)", SignatureUse::CallOut, nullptr, error);
  REQUIRE(first != nullptr);
  CHECK(intern_signature("i32(ptr, u8)", SignatureUse::CallIn, nullptr, error) == first);
  CHECK(intern_signature("i32(ptr,u8)", SignatureUse::CallOut, nullptr, error) != first);
  const auto* open_end = intern_signature("i32(ptr, ...)", SignatureUse::CallOut, nullptr, error);
  REQUIRE(open_end != nullptr);
  const std::string_view more = "i32";
  const auto* call = intern_signature("i32(ptr, ...)", SignatureUse::CallOut, &more, error);
  CHECK(call != open_end);
  CHECK(intern_signature("i32(ptr, ...)", SignatureUse::CallOut, &more, error) == call);
  CHECK(intern_signature("i32(ptr, ...)", SignatureUse::CallIn, nullptr, error) == nullptr);
  CHECK(error.status == CW_E_SIGNATURE);
  CHECK(intern_signature(repeated("{", 10 << 20), SignatureUse::CallOut, nullptr, error) == nullptr);
}
