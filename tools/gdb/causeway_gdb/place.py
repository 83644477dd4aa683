# SPDX-License-Identifier: MIT
#
# Where a green thread is, and how gdb gets there:
#
#   on a thread    its stack is part of what an OS thread's backtrace goes through: gdb has the true registers
#   saved          parked or runnable: the registers that the switch away left at its saved sp
#   suspended      in C, and no thread is in there: the host has switched to another stack of its own below it. The place from which its
#                  call out left is known, the host's frames below are not
#   not begun      no stack yet
import gdb

from causeway_gdb.memory import Fault, WORD, word

MOST_FRAMES = 2000  # of one thread
_ZEROS = ("green thread %s: its stack is zeros. gcore leaves stacks out on newer kernels: write the core by `greenthread core FILE`, or let "
          "the kernel write it")


class Place:
    """kind; of a thread: thread, level; of a context: registers {name: value}, by the debugger's names."""

    def __init__(self, kind, thread=None, level=0, registers=None, pc=0, fp=0):
        self.kind, self.thread, self.level, self.registers, self.pc, self.fp = kind, thread, level, registers, pc, fp


class Selection:
    """Puts the selected thread and frame back, where they are still there."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        try:
            self.level = gdb.selected_frame().level() if self.thread else 0
        except gdb.error:
            self.level = 0
        return self

    def __exit__(self, *_):
        if self.thread is None or not self.thread.is_valid():
            return
        try:
            self.thread.switch()
            select(self.level)
        except gdb.error:
            pass


def select(level):
    frame = gdb.newest_frame()
    for _ in range(level):
        frame = frame.older() or frame
    frame.select()


class Walks:
    """Through which stack pointers each thread's backtrace goes; each thread is walked once."""

    def __init__(self):
        self._of = {}

    def of(self, thread):
        if thread.num not in self._of:
            self._of[thread.num] = self._walk(thread)
        return self._of[thread.num]

    @staticmethod
    def _walk(thread):
        found = []
        with Selection():
            try:
                thread.switch()
                frame = gdb.newest_frame()
                while frame is not None and len(found) < MOST_FRAMES:
                    found.append((frame.level(), int(frame.read_register("sp"))))
                    frame = frame.older()
            except (gdb.error, ValueError):
                pass  # what was found until there counts
        return found


def _on_thread(green, walks):
    m = green.m()
    thread = m.thread() if m is not None else None
    if thread is None:
        return None
    for level, sp in walks.of(thread):
        if green.holds(sp):
            return Place("on a thread", thread=thread, level=level)
    return None


def _saved(green):
    layout = green.runtime.layout
    sp = green.sp
    if not (green.has_stack() and green.holds(sp)):
        raise Fault("green thread %s: its saved stack pointer 0x%x is not in its stack [0x%x, 0x%x): the record is damaged, or it runs on a "
                    "thread that gdb does not see" % (green.title(), sp, green.low, green.high))
    saved = {name[7:]: word(sp + offset) for name, (offset, size) in layout.fields.items() if name.startswith("switch.") and size == WORD}
    if saved["pc"] == 0:
        raise Fault(_ZEROS % green.title())
    registers = None
    if layout.own_registers():
        registers = {layout.register(name): value for name, value in saved.items()}
        registers[layout.register("sp")] = sp + layout.plain("switch.bytes")
    return Place("saved", registers=registers, pc=saved["pc"], fp=saved["fp"])


def _suspended(green):
    """INV-CR1: out.sp is the record of the frame that called out, and out.c_sp + 1 the place on the C stack from which the pivot left."""
    layout = green.runtime.layout
    fp = green.out_sp
    if not green.holds(fp):
        raise Fault("green thread %s: the place 0x%x from which it called C is not in its stack [0x%x, 0x%x): the record is damaged"
                    % (green.title(), fp, green.low, green.high))
    place = Place("suspended", pc=green.get("G.out.pc"), fp=word(fp))
    if place.fp == 0 and word(fp + WORD) == 0:
        raise Fault(_ZEROS % green.title())
    try:
        at = (green.get("G.out.c_sp") + 1 & -16) - 2 * WORD  # as the pivot rounds it
        caller_sp = word(at)
        if layout.pivot_back != 0 and layout.own_registers() and green.low <= caller_sp <= fp and fp - caller_sp < 4096:
            place.registers = {layout.register("pc"): word(layout.pivot_back), layout.register("sp"): at, layout.register("fp"): fp}
    except Fault:
        pass  # the C stack is gone or elsewhere: the frame pointers are left
    return place


def find(green, walks):
    m = green.m()
    runs = m is not None and (green.out_sp != 0 or green.is_callback or m.get("M.current") == green.address)
    place = _on_thread(green, walks) if runs and green.has_stack() else None
    if place is not None:
        return place
    if green.sp == 0 and green.out_sp == 0 and (not green.has_stack() or green.state() == "runnable"):
        return Place("not begun")
    return _suspended(green) if green.out_sp != 0 else _saved(green)


def frame_pointers(green, place, most=200):
    """[pc] by frame pointers, inside its own stack; each step goes up."""
    pcs, fp = ([place.pc] if place.pc else []), place.fp
    while len(pcs) < most and green.holds(fp) and green.holds(fp + 2 * WORD - 1) and fp % WORD == 0:
        following, pc = word(fp), word(fp + WORD)
        if pc == 0:
            break
        pcs.append(pc)
        if following <= fp:
            break
        fp = following
    return pcs
