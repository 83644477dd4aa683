/* SPDX-License-Identifier: MIT
 *
 * What an assembly function with a landing pad needs beside the pad: the same on all CPUs. The pads are in <cpu>/pivot.S. */
#ifndef CAUSEWAY_ARCH_LANDING_H
#define CAUSEWAY_ARCH_LANDING_H

/* The landing pad of a function that changes stacks: what unwinds the call between the labels name_call and name_back lands at name_pad, as in C++
 * code with something to clean up; what the pad itself calls has none. The pad is the end of the function. */
#define CW_LANDS(name)                                \
  .cfi_personality 0x9b, DW.ref.__gxx_personality_v0; \
  .cfi_lsda 0x1b, name##_lsda

#define CW_LANDING_TABLE(name, function)      \
  .section .gcc_except_table, "a", %progbits; \
  name##_lsda:                                \
  .byte 0xff, 0xff, 0x01;                     \
  .uleb128 name##_sites_end - name##_sites;   \
  name##_sites:                               \
  .uleb128 name##_call - function;            \
  .uleb128 name##_back - name##_call;         \
  .uleb128 name##_pad - function;             \
  .uleb128 0;                                 \
  .uleb128 name##_pad - function;             \
  .uleb128 function##_end - name##_pad;       \
  .uleb128 0;                                 \
  .uleb128 0;                                 \
  name##_sites_end:

/* What the table of a function with a landing pad refers to; once in a file. */
#define CW_PERSONALITY                                                                                         \
  .hidden DW.ref.__gxx_personality_v0;                                                                         \
  .weak DW.ref.__gxx_personality_v0;                                                                           \
  .section .data.rel.local.DW.ref.__gxx_personality_v0, "awG", %progbits, DW.ref.__gxx_personality_v0, comdat; \
  .p2align 3;                                                                                                  \
  .type DW.ref.__gxx_personality_v0, %object;                                                                  \
  .size DW.ref.__gxx_personality_v0, 8;                                                                        \
  DW.ref.__gxx_personality_v0:                                                                                 \
  .quad __gxx_personality_v0

#endif
