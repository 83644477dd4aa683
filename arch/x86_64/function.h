/* SPDX-License-Identifier: MIT */
/*
 * Beginning and end of an assembly function, and the notes that every object of this folder carries.
 *
 * Functions are hidden: they are called from inside the library only, never through a lookup table of the loader. They lie beside the C++
 * half of the crossings (marked hot): a call after a pause finds one page of code, not two.
 */
#pragma once

#define CW_FUNCTION(name)              \
  .section .text.hot, "ax", @progbits; \
  .p2align 4;                          \
  .globl name;                         \
  .hidden name;                        \
  .type name, @function;               \
  name:

/* name_end: where the function ends, for who asks whether an address is inside. */
#define CW_FUNCTION_END(name) \
  .globl name##_end;          \
  .hidden name##_end;         \
  name##_end:                 \
  .size name, . - name

/* The landing pad of a function that changes stacks: what unwinds the call between the labels name_call and name_back lands at name_pad, as in C++
 * code with something to clean up; what the pad itself calls has none. The pad is the end of the function. */
#define CW_LANDS(name)                                          \
  .cfi_personality 0x9b, DW.ref.__gxx_personality_v0;           \
  .cfi_lsda 0x1b, name##_lsda

#define CW_LANDING_TABLE(name, function)                            \
  .section .gcc_except_table, "a", @progbits;                 \
  name##_lsda:                                                  \
  .byte 0xff, 0xff, 0x01;                                       \
  .uleb128 name##_sites_end - name##_sites;                     \
  name##_sites:                                                 \
  .uleb128 name##_call - function;                                 \
  .uleb128 name##_back - name##_call;                           \
  .uleb128 name##_pad - function;                                  \
  .uleb128 0;                                                   \
  .uleb128 name##_pad - function;                                  \
  .uleb128 function##_end - name##_pad;                            \
  .uleb128 0;                                                   \
  .uleb128 0;                                                   \
  name##_sites_end:

/* What the table of a function with a landing pad refers to; once in a file. */
#define CW_PERSONALITY                                                                                          \
  .hidden DW.ref.__gxx_personality_v0;                                                                          \
  .weak DW.ref.__gxx_personality_v0;                                                                            \
  .section .data.rel.local.DW.ref.__gxx_personality_v0, "awG", @progbits, DW.ref.__gxx_personality_v0, comdat; \
  .p2align 3;                                                                                                   \
  .type DW.ref.__gxx_personality_v0, @object;                                                                 \
  .size DW.ref.__gxx_personality_v0, 8;                                                                         \
  DW.ref.__gxx_personality_v0:                                                                                  \
  .quad __gxx_personality_v0

/* Indirect branch tracking: yes (every address that can be called through a pointer begins with endbr64). Shadow stack: not
 * claimed, because a switch leaves by another stack's return address; the linker then drops the mark from the whole program
 * and the loader leaves shadow stacks off. 5 = NT_GNU_PROPERTY_TYPE_0, 0xc0000002 = x86 FEATURE_1_AND, 1 = IBT. */
#define CW_OBJECT_NOTES                                \
  .section .note.GNU-stack, "", @progbits;             \
  .section .note.gnu.property, "a", @note;             \
  .p2align 3;                                          \
  .long 4, 16, 5;                                      \
  .asciz "GNU";                                        \
  .long 0xc0000002, 4, 1, 0
