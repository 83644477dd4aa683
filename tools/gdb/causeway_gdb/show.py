# SPDX-License-Identifier: MIT
#
# What a line about a green thread says.
import gdb

from causeway_gdb import model, place as places
from causeway_gdb.memory import function_at, in_library

_NOT_THE_USERS = ("causeway::", "cw_", "std::", "syscall", "__", "clone")


def where(green, place):
    """The innermost function that is not the library's, else the innermost."""
    if place.kind == "not begun":
        return "(has not begun)"
    if place.kind == "on a thread":
        pcs = _thread_pcs(place)
    else:
        pcs = [(pc, True) for pc in places.frame_pointers(green, place, 24)]
    names = []
    for pc, is_return in pcs:
        name = function_at(pc, is_return) or "0x%x" % pc
        if not name.startswith(_NOT_THE_USERS) and not in_library(pc):
            return name
        names.append(name)
    return names[0] if names else "?"


def _thread_pcs(place):
    with places.Selection():
        try:
            place.thread.switch()
            places.select(place.level)
            frame, pcs = gdb.selected_frame(), []
            while frame is not None and len(pcs) < 24:
                pcs.append((frame.pc(), len(pcs) != 0))
                frame = frame.older()
            return pcs
        except gdb.error:
            return []


def state(green, place):
    """As a user says it."""
    state = green.state()
    if state == "parked":
        return "parked"
    if place is not None and place.kind == "suspended":
        return "in C, suspended"
    if green.out_sp != 0:
        return "in C"
    m = green.m()
    if m is not None and m.get("M.leaf") != 0 and m.get("M.current") == green.address:
        return "in C (leaf)"
    return state


def doing(green):
    said = green.wait()
    called = green.called()
    if called:
        said = "calls " + called
    m = green.m() if green.state() == "running" else None
    if not said and m is not None and m.get("M.leaf") != 0 and m.get("M.current") == green.address:
        said = "calls " + model.function_name(m.get("M.leaf"))
    if green.get("G.stop_requested"):
        said += (", " if said else "") + "asked to stop"
    if green.get("G.locked_m"):
        said += (", " if said else "") + "keeps its thread"
    outer = green.outer()
    if outer is not None:
        said += (", " if said else "") + "below green thread %s" % outer.title()
    return said


def m_and_thread(green, place):
    if place is not None and place.kind != "on a thread" and not green.is_callback:
        return "-"
    m = green.m()
    if m is None:
        return "-"
    thread = m.thread()
    said = ("F%d" if m.is_foreign else "M%d") % m.id
    return "%s thread %d" % (said, thread.num) if thread is not None else said + " tid %d" % m.tid


def header(green, place):
    said = doing(green)
    return "Green thread %s, %s%s%s" % (green.title(), state(green, place), ": " + said if said else "",
                                        ", on " + m_and_thread(green, place) if place is not None and place.kind == "on a thread" else "")
