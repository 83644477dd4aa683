# SPDX-License-Identifier: MIT
#
# Green threads and Ms, as their records say (runtime/sched/green.hpp, machine.hpp). Read anew for each command: a process goes on.
import gdb

from causeway_gdb import layout as layouts
from causeway_gdb.memory import Fault, function_at, number, read, text, word

STATES = ("free", "runnable", "running", "parked", "dead")  # GState
PHASES = ("off", "starting", "running", "stopping")  # Phase
IDLE_ANCHOR = 1  # crossing::kIdleAnchor
_MOST_MS = 1 << 20
_MOST_DEPTH = 20000  # of calls in, one below the other


class Green:
    """A record; read once."""

    def __init__(self, runtime, address, data):
        self.runtime, self.address, self.data = runtime, address, data

    def get(self, name):
        return self.runtime.layout.get(self.data, name)

    id = property(lambda self: self.get("G.id"))
    low = property(lambda self: self.get("G.stack.low"))
    high = property(lambda self: self.get("G.stack.high"))
    sp = property(lambda self: self.get("G.sp"))
    out_sp = property(lambda self: self.get("G.out.sp") & ~3)  # crossing::Outbound::place()
    is_callback = property(lambda self: self.get("G.in.active") != 0)
    name = property(lambda self: text(self.get("G.name"), 60))

    def state(self):
        state = self.get("G.state")
        return STATES[state] if state < len(STATES) else "state %d?" % state

    def holds(self, sp):
        return self.low <= sp < self.high

    def in_progress(self):
        """As sched::in_progress()."""
        return self.state() not in ("free", "dead") and not (self.is_callback and self.id == 0)

    def has_stack(self):
        """Its bounds can be believed."""
        return 0 < self.low < self.high <= self.low + 4 * self.runtime.layout.plain("stack.largest")

    def m(self):
        return self.runtime.m_at(self.get("G.m"))

    def title(self):
        name = self.name
        return "%d \"%s\"" % (self.id, name) if name else "%d" % self.id

    def outer(self):
        """Below whose call out it came in, if that one is not over; else None."""
        address = self.get("G.outer")
        if address == 0:
            return None
        try:
            outer = self.runtime.green_at(address)
        except Fault:
            return None
        return outer if outer.id == self.get("G.outer_id") and outer.in_progress() else None

    def chain(self):
        """Itself, whose call out it is below, and so on."""
        seen, green = set(), self
        while green is not None and green.address not in seen and len(seen) < _MOST_DEPTH:
            seen.add(green.address)
            yield green
            green = green.outer()

    def called(self):
        """The C function that it is in, or ''."""
        return function_name(self.get("G.out.function")) if self.out_sp != 0 and not self.waits() else ""

    def waits(self):
        return self.state() == "parked" and self.get("G.waits_for") != 0

    def wait(self):
        """What it waits for, and until when."""
        if not self.waits():
            return ""
        said = text(self.get("G.waits_for"))
        at = self.get("G.waits_at")
        if said == "the end of green thread":
            try:
                said += " " + self.runtime.green_at(at).title()
            except Fault:
                pass
        elif at != 0:
            said += " 0x%x" % at
        if self.get("G.timer.armed") & 1:
            said += ", " + self.runtime.until(self.get("G.timer.deadline_ns"))
        return said


class M:
    def __init__(self, runtime, address):
        self.runtime, self.address = runtime, address
        self.data = read(address, runtime.layout.plain("M"))

    def get(self, name):
        return self.runtime.layout.get(self.data, name)

    id = property(lambda self: self.get("M.id"))
    tid = property(lambda self: self.get("M.tid"))
    is_foreign = property(lambda self: self.get("M.foreign") != 0)

    def thread(self):
        """gdb's thread, or None. A foreign M that is not bound has the number of a thread that may be gone."""
        if self.is_foreign and self.get("M.binding") % 2 == 0:
            return None
        return self.runtime.threads().get(self.tid)

    def on_it(self):
        """Green threads that it has to do with, the innermost first: what it runs, what its anchor names."""
        layout = self.runtime.layout
        found = []
        for address in (self.get("M.current"), self.get("M.anchor") - layout.plain("G.out")):
            if address > IDLE_ANCHOR and self.get("M.anchor") != IDLE_ANCHOR and address != self.address + layout.plain("M.system"):
                try:
                    found.append(self.runtime.green_at(address))
                except Fault:
                    pass
        return found


class Runtime:
    def __init__(self):
        self.layout = layouts.find()
        self.phase = self.layout.at(self.layout.process, "Process.phase")
        if self.phase == 0:
            raise Fault("the runtime does not run in this process: there are no green threads")
        if self.phase >= len(PHASES):
            raise Fault("the runtime's phase is %d, which is none: the core or the file is damaged, or the file is not the one that ran" % self.phase)
        self.damage = []  # what could not be read
        self._ms, self._threads, self._stacks = {}, None, None

    def green_at(self, address):
        if address % 64 != 0:
            raise Fault("0x%x is no record of a green thread" % address)
        return Green(self, address, read(address, self.layout.plain("G")))

    def m_at(self, address):
        """None: there is none, or it cannot be read."""
        if address == 0:
            return None
        if address not in self._ms:
            try:
                self._ms[address] = M(self, address)
            except Fault as fault:
                self.note(str(fault))
                self._ms[address] = None
        return self._ms[address]

    def note(self, what):
        if what not in self.damage and len(self.damage) < 20:
            self.damage.append(what)

    def greens(self):
        """Those in progress, by their place in the arena."""
        layout = self.layout
        arena = layout.at(layout.scheduler, "Scheduler.arena")
        if arena == 0:
            return
        used = layout.at(arena, "Arena.used")
        directory = layout.at(arena, "Arena.directory")
        per_chunk, size, seen = layout.plain("Arena.per_chunk"), layout.plain("G"), set()
        for index in range(min(layout.plain("Arena.chunks"), (used + per_chunk - 1) // per_chunk)):
            try:
                chunk = word(directory + 8 * index)
                if chunk == 0 or chunk in seen:
                    raise Fault("the table of green threads ends at record %d of %d: it is damaged, or cut off" % (index * per_chunk, used))
            except Fault as fault:
                self.note(str(fault))
                return
            seen.add(chunk)
            start = chunk + layout.plain("Arena.header")
            yield from self._records(start, min(per_chunk, used - index * per_chunk), size)

    def _records(self, start, count, size):
        state = self.layout.plain("G.state")
        step = 2048
        for first in range(0, count, step):
            n = min(step, count - first)
            try:
                data = read(start + first * size, n * size)
            except Fault as fault:
                self.note(str(fault))
                continue
            for at in range(0, n * size, size):
                if data[at + state] in (0, 4):
                    continue
                green = Green(self, start + first * size + at, data[at:at + size])
                if green.in_progress():
                    yield green

    def green(self, wanted):
        """By id."""
        for green in self.greens():
            if green.id == wanted:
                return green
        raise Fault("no green thread has the id %d: it has ended, or never was%s" % (wanted, self.damage_text()))

    def damage_text(self):
        return "".join("\n  " + note for note in self.damage)

    def ms(self):
        """All Ms: workers, then those of foreign threads."""
        layout = self.layout
        try:
            table = layout.at(layout.scheduler, "Scheduler.ms")
            for i in range(min(_MOST_MS, layout.at(layout.scheduler, "Scheduler.m_count"))):
                m = self.m_at(word(table + 8 * i))
                if m is None:
                    break
                yield m
            chunks, count = word(layout.foreign), word(layout.foreign + 8)
            per_chunk = layout.plain("foreign.per_chunk")
            for i in range(min(_MOST_MS, number(read(count, 4), 0, 4))):
                m = self.m_at(word(word(chunks + 8 * (i // per_chunk)) + 8 * (i % per_chunk)))
                if m is None:
                    break
                yield m
        except Fault as fault:
            self.note(str(fault))

    def threads(self):
        """gdb's threads by their number in the system."""
        if self._threads is None:
            self._threads = {thread.ptid[1] or thread.ptid[0]: thread for thread in gdb.selected_inferior().threads()}
        return self._threads

    def until(self, deadline_ns):
        """In a core nobody knows what time it was; in a process the clock is ours too, unless a test has set a virtual one."""
        import time
        target = gdb.execute("info target", to_string=True)
        left = (deadline_ns - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) / 1e9
        if "core dump file" in target or "remote" in target.lower().split("\n")[0] or not -3600 < left < 3.2e9:
            return "until %.3f s on the clock" % (deadline_ns / 1e9)
        return "for %.1f s more" % left if left > 0 else "its time is up"


def function_name(address):
    return function_at(address) or ("0x%x" % address if address else "")
