# SPDX-License-Identifier: MIT
#
# Values of the library's types, where its debug information is there. `print /r` shows them as they are.
import gdb
import gdb.printing

from causeway_gdb import model
from causeway_gdb.memory import Fault, function_at

_MOST_ELEMENTS = 200
# capi::HandleKind
_HANDLE_KINDS = {1: "green thread", 2: "event", 3: "channel", 4: "stack", 5: "function", 6: "object", 8: "callback", 9: "callback data", 10: "owner"}


def _green(address):
    return model.Runtime().green_at(address)


class GreenPrinter:
    def __init__(self, value):
        self._value = value

    def to_string(self):
        try:
            green = _green(int(self._value.address))
            if not green.in_progress():
                return "green thread, %s" % (green.state() if not green.is_callback else "ready for a call in")
            doing = green.called() or green.wait()
            return "green thread %s, %s%s, stack [0x%x, 0x%x)" % (green.title(), green.state(), ": " + doing if doing else "", green.low, green.high)
        except (Fault, gdb.error, TypeError) as fault:
            return "green thread (%s)" % fault


class MPrinter:
    def __init__(self, value):
        self._value = value

    def to_string(self):
        try:
            m = model.M(model.Runtime(), int(self._value.address))
            on_it = m.on_it()
            thread = m.thread()
            return "%s %d, tid %d%s%s" % ("M of a foreign thread," if m.is_foreign else "M", m.id, m.tid,
                                          ", thread %d" % thread.num if thread is not None else "",
                                          ", runs green thread %s" % on_it[0].title() if on_it else "")
        except (Fault, gdb.error, TypeError) as fault:
            return "M (%s)" % fault


class PPrinter:
    def __init__(self, value):
        self._value = value

    def to_string(self):
        return "P %d%s" % (int(self._value["id"]), ", idle" if self._value["idle"] else "")

    def children(self):
        for name in ("run_next_", "free_count", "spawned", "ended", "timer_earliest"):
            yield name, self._value[name]


class ListPrinter:
    """base::IntrusiveList<T, &T::member>: its elements."""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        return "empty list" if int(self._value["head_"]) == 0 else "list"

    def display_hint(self):
        return "array"

    def children(self):
        kind = self._value.type.strip_typedefs()
        element, member = kind.template_argument(0), kind.template_argument(1)
        try:
            offset = int(member)
        except (gdb.error, TypeError):
            offset = int(gdb.Value(member).cast(gdb.lookup_type("long")))
        link, seen = self._value["head_"], set()
        while int(link) != 0:
            if int(link) in seen or len(seen) >= _MOST_ELEMENTS:
                yield "[...]", "it goes on" if int(link) not in seen else "a circle: the list is damaged"
                return
            seen.add(int(link))
            yield "[%d]" % (len(seen) - 1), gdb.Value(int(link) - offset).cast(element.pointer())
            link = link["next"]


class ValuePrinter:
    """base::Relaxed<T>: the T."""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        return self._value["value_"]


class OutboundPrinter:
    def __init__(self, value):
        self._value = value

    def to_string(self):
        layout = model.layouts.find()
        start = int(self._value.address) - layout.plain("G.out")
        sp, function = layout.at(start, "G.out.sp") & ~3, layout.at(start, "G.out.function")
        if sp == 0:
            return "not in C"
        return "in C since sp 0x%x, called %s from %s" % (sp, model.function_name(function), function_at(layout.at(start, "G.out.pc"), True) or "??")


class HandlePrinter:
    """cw_green and its like: bridge/capi/handle_table.hpp has the bits."""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        bits = int(self._value)
        kind = _HANDLE_KINDS.get(bits >> 24 & 15)
        if kind is None:
            return "0x%x (no handle)" % bits if bits else "0 (none)"
        return "0x%x (%s, slot %d)" % (bits, kind, bits & 0xffffff)


_RECORDS = (("causeway::sched::G", GreenPrinter), ("causeway::sched::M", MPrinter), ("causeway::sched::P", PPrinter),
            ("causeway::crossing::Outbound", OutboundPrinter))
_TEMPLATES = (("causeway::base::IntrusiveList<", ListPrinter), ("causeway::base::Relaxed<", ValuePrinter))
_HANDLES = ("cw_green", "cw_event", "cw_channel", "cw_stack", "cw_function", "cw_handle", "cw_callback", "cw_owner")


class Printers(gdb.printing.PrettyPrinter):
    def __init__(self):
        super().__init__("causeway", [])

    def __call__(self, value):
        if value.type.code == gdb.TYPE_CODE_TYPEDEF and value.type.name in _HANDLES:
            return HandlePrinter(value)
        kind = value.type.unqualified().strip_typedefs()
        if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag is None:
            return None
        for name, printer in _RECORDS:
            if kind.tag == name:
                return printer(value)
        for start, printer in _TEMPLATES:
            if kind.tag.startswith(start):
                return printer(value)
        return None


def register():
    gdb.printing.register_pretty_printer(None, Printers(), replace=True)
