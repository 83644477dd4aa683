# SPDX-License-Identifier: MIT
#
# Shows a context that no thread runs: while one is set, the frames above the innermost of one thread are the context's. The innermost, with what
# is inlined into it, is the thread's own still; what it would return to is made to be the context. Nothing is written, so cores will do, and
# from there on gdb unwinds by itself, over pivots too.
import gdb
from gdb.unwinder import Unwinder

from causeway_gdb import place as places


class _FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class ContextUnwinder(Unwinder):
    def __init__(self):
        super().__init__("causeway")
        self.first = 0  # the level of the context's innermost frame
        self.green = self._thread = self._registers = self._innermost = None

    def __call__(self, pending):
        if self._thread is None or gdb.selected_thread() is None or gdb.selected_thread().ptid != self._thread:
            return None
        if (int(pending.read_register("sp")), int(pending.read_register("pc"))) != self._innermost:
            return None
        info = pending.create_unwind_info(_FrameId(gdb.Value(self._stack_pointer()), pending.read_register("pc")))
        for name, value in self._registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        return info

    def _stack_pointer(self):
        return min(value for name, value in self._registers.items() if name in ("rsp", "sp")) - 16

    def shows(self):
        """The selected thread's frames are a context's."""
        thread = gdb.selected_thread()
        return self._thread is not None and thread is not None and thread.ptid == self._thread

    def set(self, green, registers):
        """On the selected thread, or on any if none is."""
        thread = gdb.selected_thread()
        if thread is None:
            threads = gdb.selected_inferior().threads()
            if not threads:
                raise gdb.GdbError("causeway: gdb shows no thread of this program")
            thread = threads[-1]
            thread.switch()
        self.clear()
        frame = gdb.newest_frame()
        self._innermost = (int(frame.read_register("sp")), int(frame.pc()))
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        self.first = frame.level() + 1
        self.green, self._thread, self._registers = green, thread.ptid, registers
        gdb.invalidate_cached_frames()
        places.select(self.first)

    def taken(self):
        """What is set now, for restore()."""
        if self._thread is None:
            return None
        return (self.green, self._registers, self._thread, gdb.selected_frame().level() if self.shows() else self.first)

    def restore(self, taken):
        """Needs the same thread to be selected."""
        if taken is not None and gdb.selected_thread() is not None and gdb.selected_thread().ptid == taken[2]:
            self.set(taken[0], taken[1])
            places.select(taken[3])

    def clear(self, *_):
        if self._thread is not None:
            self.green = self._thread = self._registers = self._innermost = None
            gdb.invalidate_cached_frames()


context = ContextUnwinder()


def register():
    gdb.unwinder.register_unwinder(None, context, replace=True)
    # Before the program goes on, gdb must know the true frames: finish and step go by them.
    gdb.events.cont.connect(context.clear)
    gdb.events.exited.connect(context.clear)
