# SPDX-License-Identifier: MIT
#
# The library's layout table: where the fields lie that this script reads. It needs neither debug information nor symbols.
import re

import gdb

from causeway_gdb.memory import Fault, number, read

VERSION = 1  # LayoutTable::kVersion
_HEADER = 80
_FIELD = 32
_MOST_FIELDS = 1000
_SECTION = re.compile(r"^\s*(0x[0-9a-f]+) - (0x[0-9a-f]+) is causeway_layout(?: in (.*))?$", re.M)

# By the names of the table: pc and fp are each CPU's own.
_REGISTERS = {
    "x86_64": {"pc": "rip", "sp": "rsp", "fp": "rbp"},
    "aarch64": {"pc": "pc", "sp": "sp", "fp": "x29"},
}


class Layout:
    def __init__(self, address, image):
        self.image = image or "the program"
        head = read(address, _HEADER)
        if head[:8] != b"CWLAYOUT":
            raise Fault("the layout table of %s is not readable (it begins with %r): the core or the file is damaged, or the file is not the "
                        "one that ran" % (self.image, head[:8]))
        version = number(head, 8, 4)
        if version != VERSION:
            raise Fault("the library in %s has layout version %d, this script reads version %d: source the causeway.py that was installed "
                        "with that library" % (self.image, version, VERSION))
        self.cpu = head[16:32].split(b"\0")[0].decode("ascii", "replace")
        self.process, self.scheduler, self.foreign, self.pivot_back = (number(head, 32 + 8 * i, 8) for i in range(4))
        count, self.fields = number(head, 64, 8), {}
        if count > _MOST_FIELDS:
            raise Fault("the layout table of %s says that it has %d fields: it is damaged" % (self.image, count))
        data = read(address + 72, _FIELD * count)
        for at in range(0, len(data), _FIELD):
            name = data[at:at + 24].split(b"\0")[0].decode("ascii", "replace")
            self.fields[name] = (number(data, at + 24, 4), number(data, at + 28, 4))

    def __getitem__(self, name):
        """(offset, bytes)"""
        try:
            return self.fields[name]
        except KeyError:
            raise Fault("the library in %s does not tell where %s is: source the causeway.py that was installed with that library"
                        % (self.image, name)) from None

    def plain(self, name):
        return self[name][0]

    def get(self, data, name, start=0):
        """A field of a record whose bytes are `data`."""
        offset, size = self[name]
        return number(data, start + offset, size)

    def at(self, address, name):
        """The same of a record at an address."""
        offset, size = self[name]
        return number(read(address + offset, size), 0, size)

    def register(self, name):
        """The debugger's name of a register."""
        return self.own_registers().get(name, name)

    def own_registers(self):
        return _REGISTERS.get(self.cpu, {})


_found = {}  # what was there -> tables


def _tables():
    """Each library that the program has: mostly one."""
    space = gdb.current_progspace()
    key = (space.filename, tuple(objfile.filename for objfile in space.objfiles()))
    if key not in _found:
        _found.clear()
        _found[key] = [(int(low, 16), image) for low, _, image in _SECTION.findall(gdb.execute("info files", to_string=True))]
    return _found[key]


def find():
    """The layout of the library whose runtime is up, else of any."""
    # Without a process or core a program that links the archive has a table, but it is not filled in.
    tables = _tables() if gdb.selected_inferior().pid != 0 else []
    if not tables:
        raise Fault("no libcauseway is loaded here: start the program first, or give gdb its file (file PROGRAM) and, for a core from "
                    "elsewhere, its libraries (set sysroot)")
    first = None
    for address, image in tables:
        layout = Layout(address, image)
        if layout.at(layout.process, "Process.phase") != 0:
            return layout
        first = first or layout
    return first
