/* SPDX-License-Identifier: MIT */
/*
 * Offsets that the assembly of this folder shares with aarch64.hpp, which checks each against its struct.
 * Plain #defines: the assembler's preprocessor reads this file too.
 */
#pragma once

/* The frame that cw_arch_switch leaves at the saved sp (struct SwitchFrame). Registers go in pairs, 16 bytes each. */
#define CW_AARCH64_FRAME_FPCR 0x00
#define CW_AARCH64_FRAME_D8 0x10
#define CW_AARCH64_FRAME_D10 0x20
#define CW_AARCH64_FRAME_D12 0x30
#define CW_AARCH64_FRAME_D14 0x40
#define CW_AARCH64_FRAME_X19 0x50
#define CW_AARCH64_FRAME_X21 0x60
#define CW_AARCH64_FRAME_X23 0x70
#define CW_AARCH64_FRAME_X25 0x80
#define CW_AARCH64_FRAME_X27 0x90
#define CW_AARCH64_FRAME_FP 0xa0
#define CW_AARCH64_FRAME_PC 0xa8
#define CW_AARCH64_FRAME_BYTES 0xb0

/* struct Registers. */
#define CW_AARCH64_REGISTERS_SP 0x00
#define CW_AARCH64_REGISTERS_FP 0x08
#define CW_AARCH64_REGISTERS_PC 0x10
#define CW_AARCH64_REGISTERS_X19 0x18
#define CW_AARCH64_REGISTERS_X21 0x28
#define CW_AARCH64_REGISTERS_X23 0x38
#define CW_AARCH64_REGISTERS_X25 0x48
#define CW_AARCH64_REGISTERS_X27 0x58
#define CW_AARCH64_REGISTERS_D8 0x68
#define CW_AARCH64_REGISTERS_D10 0x78
#define CW_AARCH64_REGISTERS_D12 0x88
#define CW_AARCH64_REGISTERS_D14 0x98
