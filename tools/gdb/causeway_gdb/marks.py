# SPDX-License-Identifier: MIT
#
# A frame filter: says where a backtrace changes stacks, which gdb by itself shows as <signal handler called>, and leaves out the frame that
# stands before a context (unwinder.py). The library's own frames are put below the first of each row of them, so that `bt -hide` leaves them
# out. `bt -no-filters` and `disable frame-filter global causeway` show all as it is.
import itertools

import gdb
from gdb.FrameDecorator import FrameDecorator

from causeway_gdb import model
from causeway_gdb.memory import Fault, in_library
from causeway_gdb.unwinder import context


def _sp(frame):
    try:
        return int(frame.read_register("sp"))
    except (gdb.error, ValueError):
        return 0


class _Stacks:
    """Which green thread a stack pointer belongs to: those that the thread's M knows of, and below whose calls out they are."""

    def __init__(self):
        self._greens = None

    def of(self, sp):
        if self._greens is None:
            self._greens = self._look()
        for green in self._greens:
            if green.holds(sp):
                return green
        return None

    @staticmethod
    def _look():
        try:
            runtime = model.Runtime()
            first = [context.green] if context.shows() else []
            thread = gdb.selected_thread()
            for m in runtime.ms() if not first and thread is not None else ():
                if m.thread() is not None and m.thread().num == thread.num:
                    first = m.on_it()
            return [green for one in first for green in one.chain()]
        except Fault:
            return []


_OURS = ("causeway::", "cw_", "std::", "_ZSt", "_ZZZN8causeway")
_MOST_ELIDED = 500


def _is_ours(frame):
    """Of the library, or of what the standard library puts between it and a function of the user's."""
    try:
        return in_library(frame.pc()) or (frame.name() or "").startswith(_OURS)
    except gdb.error:
        return False


class Row(FrameDecorator):
    """The first of a row of the library's frames."""

    def __init__(self, base):
        super().__init__(base)
        self.rest = []

    def elided(self):
        return iter(self.rest) if self.rest else super().elided()


class Crossing(Row):
    def __init__(self, frame, label):
        super().__init__(frame)
        self._label = label

    def function(self):
        return self._label

    def address(self):
        return None

    def filename(self):
        return None

    def line(self):
        return None

    def frame_args(self):
        return None

    def frame_locals(self):
        return None


def _label(frame, stacks):
    """None: this frame changes no stacks."""
    if frame.type() != gdb.SIGTRAMP_FRAME:
        return None
    try:
        older = frame.older()
    except gdb.error:
        return None
    if older is None:
        return None
    inside, outside = stacks.of(_sp(frame)), stacks.of(_sp(older))
    name = frame.name() or ""
    if inside is not None and (outside is None or inside.address != outside.address):
        return "<C calls: green thread %s runs the callback>" % inside.title()
    if outside is not None and inside is None:
        called = outside.called()
        return "<green thread %s calls C%s>" % (outside.title(), ": " + called if called else "")
    if name == "cw_arch_pivot_words":
        return "<C calls a green thread>"
    return "<change of stacks>" if name == "cw_arch_pivot_inner" else None


class Marks:
    name, priority, enabled = "causeway", 90, True

    def filter(self, frames):
        stacks = _Stacks()
        if context.shows():
            frames = itertools.dropwhile(lambda frame: frame.inferior_frame().level() < context.first, frames)
        row = None
        for frame in frames:
            try:
                label = _label(frame.inferior_frame(), stacks)
            except (gdb.error, Fault):
                label = None
            ours = label is None and _is_ours(frame.inferior_frame())
            if ours and row is not None and len(row.rest) < _MOST_ELIDED:
                row.rest.append(frame)
                continue
            if row is not None:
                yield row
            row = Crossing(frame, label) if label is not None else Row(frame) if ours else None
            if row is None:
                yield frame
        if row is not None:
            yield row


def register():
    gdb.frame_filters[Marks.name] = Marks()
