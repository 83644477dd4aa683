# SPDX-License-Identifier: MIT
#
# `greenthread core FILE`: gcore, and then the stacks of green threads. gcore reads a mapping in pieces of a megabyte; where the kernel has
# light guards (Linux 6.13), a guard page in a piece makes the read fail, and gcore leaves the rest of that mapping out: zeros in place of stacks.
# Cores that the kernel writes have them.
import struct

import gdb

from causeway_gdb.memory import Fault, read

_PAGE = 4096
_MOST_SEGMENTS = 1 << 20


def segments(file):
    """[(low, high, offset in the file)] of an ELF64 core."""
    file.seek(0)
    head = file.read(64)
    if head[:5] != b"\x7fELF\x02":
        raise Fault("%s is no 64-bit ELF file" % file.name)
    at, size, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 54)[0], struct.unpack_from("<H", head, 56)[0]
    if count == 0xffff:  # the true number is in the first section header
        file.seek(struct.unpack_from("<Q", head, 40)[0])
        count = struct.unpack_from("<I", file.read(64), 44)[0]
    found = []
    file.seek(at)
    for _ in range(min(count, _MOST_SEGMENTS)):
        kind, _, offset, low, _, in_file = struct.unpack_from("<IIQQQQ", file.read(size))
        if kind == 1 and in_file != 0:
            found.append((low, low + in_file, offset))
    return sorted(found)


def _used_from(green):
    """From where its stack may be in use."""
    layout = green.runtime.layout
    at = green.low
    if green.out_sp == 0 and not green.is_callback and green.state() in ("parked", "runnable") and green.holds(green.sp):
        at = green.sp
    elif green.out_sp != 0 and not green.waits() and green.holds(green.out_sp):
        at = max(green.low, green.out_sp - 2 * _PAGE)  # the frames that lead to the pivot
    return at // _PAGE * _PAGE if layout.own_registers() else green.low


def write(path, runtime):
    """Answers how many stacks the core has now."""
    gdb.execute("gcore " + path)
    stacks = 0
    with open(path, "r+b") as core:
        there = segments(core)
        for green in runtime.greens():
            if not green.has_stack():
                continue
            for low, high, offset in there:
                start, end = max(low, _used_from(green)), min(high, green.high)
                if start >= end:
                    continue
                try:
                    data = read(start, end - start)
                except Fault as fault:
                    runtime.note("green thread %s: %s" % (green.title(), fault))
                    continue
                core.seek(offset + start - low)
                core.write(data)
                stacks += 1
    return stacks
