# SPDX-License-Identifier: MIT
#
# Reading the process or core.
import os
import struct

import gdb

WORD = 8


class Fault(Exception):
    """Something cannot be told; the text is for the user."""


def read(address, size):
    """bytes, or Fault."""
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except (gdb.MemoryError, gdb.error, OverflowError, ValueError):
        raise Fault("cannot read %d bytes at 0x%x: a core may be cut off or damaged there, or was written without that memory "
                    "(ulimit -c; /proc/PID/coredump_filter)" % (size, address & 0xffffffffffffffff)) from None


def number(data, offset, size):
    return int.from_bytes(data[offset:offset + size], "little")


def u32(address):
    return number(read(address, 4), 0, 4)


def word(address):
    return number(read(address, WORD), 0, WORD)


def words(address, count):
    return struct.unpack("<%dQ" % count, read(address, WORD * count))


def text(address, most=120):
    """A text of the program, made printable; '' if there is none."""
    if address == 0:
        return ""
    out = bytearray()
    while len(out) < most:
        # Up to the end of the page only: what lies behind it need not be there.
        step = min(most - len(out), 4096 - (address + len(out)) % 4096)
        try:
            piece = read(address + len(out), step)
        except Fault:
            return "?" if not out else printable(out) + "?"
        end = piece.find(b"\0")
        if end >= 0:
            return printable(out + piece[:end])
        out += piece
    return printable(out) + "..."


def printable(data):
    return "".join(c if c.isprintable() else "?" for c in bytes(data).decode("utf-8", "replace"))


def in_library(pc):
    """Of the shared library; a program may have the archive instead."""
    return os.path.basename(gdb.solib_name(pc) or "").startswith("libcauseway.so")


def function_at(pc, is_return_address=False):
    """The name of the function at pc, or ''."""
    if pc == 0:
        return ""
    at = pc - 1 if is_return_address else pc
    try:
        said = gdb.execute("info symbol 0x%x" % at, to_string=True)
    except gdb.error:
        return ""
    if " in section " not in said:
        return ""
    name = said.split(" in section ")[0].strip()
    plus = name.rfind(" + ")
    return short(name[:plus] if plus > 0 else name)


def short(name):
    """Without arguments, template arguments and result: `void ns::f<int>(char) const` is ns::f."""
    name = name.replace("(anonymous namespace)::", "").replace("operator()", "operator ").replace("operator<", "operator ")
    out, depth = [], 0
    for c in name:
        depth += (c in "<({") - (c in ">)}")
        if depth == 0 and c not in ">)}":
            out.append(c)
    plain = "".join(out).replace(" const", "").replace("::operator ", "").replace(" [clone .cold]", "").strip(" :")
    return plain.split(" ")[-1].strip(":") or name
