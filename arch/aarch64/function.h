/* SPDX-License-Identifier: MIT */
/*
 * Beginning and end of an assembly function, and the notes that every object of this folder carries.
 *
 * Functions are hidden: they are called from inside the library only, never through a lookup table of the loader. They lie beside the C++
 * half of the crossings (marked hot): a call after a pause finds one page of code, not two.
 */
#pragma once

#define CW_FUNCTION(name)              \
  .section .text.hot, "ax", %progbits; \
  .p2align 4;                          \
  .globl name;                         \
  .hidden name;                        \
  .type name, %function;               \
  name:

/* name_end: where the function ends, for who asks whether an address is inside. */
#define CW_FUNCTION_END(name) \
  .globl name##_end;          \
  .hidden name##_end;         \
  name##_end:                 \
  .size name, . - name

/* "bti c" as a hint, which CPUs without branch target identification execute as a nop. */
#define CW_BTI_C hint #34

/* Branch target identification: yes (every address that can be called through a pointer begins with bti c). Return address
 * signing and guarded control stacks: not claimed. 5 = NT_GNU_PROPERTY_TYPE_0, 0xc0000000 = AArch64 FEATURE_1_AND, 1 = BTI. */
#define CW_OBJECT_NOTES                    \
  .section .note.GNU-stack, "", %progbits; \
  .section .note.gnu.property, "a", %note; \
  .p2align 3;                              \
  .long 4, 16, 5;                          \
  .asciz "GNU";                            \
  .long 0xc0000000, 4, 1, 0
