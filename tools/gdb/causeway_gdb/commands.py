# SPDX-License-Identifier: MIT
#
# info greenthreads, greenthread.
import gdb

from causeway_gdb import cores, model, place as places, show
from causeway_gdb.memory import Fault, function_at
from causeway_gdb.unwinder import context

_MOST_ROWS = 1000
_MOST_BACKTRACES = 1000


def _answer(work):
    """Runs it; what cannot be told is an error of gdb's, one text without a Python traceback."""
    try:
        return work()
    except Fault as fault:
        raise gdb.GdbError("causeway: %s" % fault) from None
    except gdb.error as error:
        raise gdb.GdbError(str(error)) from None


class InfoGreenThreads(gdb.Command):
    """List green threads: id and name, state, M and gdb's thread, where it is, what it does or waits for.

info greenthreads [all] [STATE]
STATE is parked, running, runnable or C, and leaves out the others. The first thousand are shown; with `all`, all.
M is the runtime's thread that runs it; F is one of the host's that called in. `greenthread N bt` shows the whole stack.
Works on a core too."""

    def __init__(self):
        super().__init__("info greenthreads", gdb.COMMAND_STATUS)

    def complete(self, text, word):
        return [choice for choice in ("all", "parked", "running", "runnable", "C") if choice.startswith(word)]

    def invoke(self, argument, from_tty):
        wanted = argument.split()
        unknown = [one for one in wanted if one not in ("all", "parked", "running", "runnable", "C")]
        if unknown:
            raise gdb.GdbError("causeway: %s? info greenthreads takes: all, parked, running, runnable, C" % unknown[0])
        _answer(lambda: self._list("all" in wanted, [one for one in wanted if one != "all"]))

    @staticmethod
    def _list(everything, states):
        runtime = model.Runtime()
        walks, shown, left_out, total = places.Walks(), 0, 0, 0
        with _NoContext():
            for green in runtime.greens():
                total += 1
                if states and not ("C" in states and green.out_sp != 0 and not green.waits()) and \
                        not (green.state() in states and (green.out_sp == 0 or green.waits())):
                    continue
                if shown >= _MOST_ROWS and not everything:
                    left_out += 1
                    continue
                if shown == 0:
                    print("%-24s %-16s %-14s %s" % ("id, name", "state", "M, thread", "where"))
                shown += 1
                place = None
                try:
                    place = places.find(green, walks)
                    where = show.where(green, place)
                except Fault as fault:
                    where = str(fault)
                doing = show.doing(green)
                print("%-24s %-16s %-14s %s%s" % (green.title(), show.state(green, place), show.m_and_thread(green, place), where,
                                                  " -- " + doing if doing else ""))
        if left_out:
            print("and %d more: info greenthreads all" % left_out)
        if shown == 0:
            print("no green threads%s (the runtime is %s)" % (" of that state" if total else "", model.PHASES[runtime.phase]))
        if runtime.damage:
            print("Not all could be read:%s" % runtime.damage_text())


class _NoContext:
    """A thread's own frames, also while a context is selected; then the context again."""

    def __enter__(self):
        self.taken = context.taken()
        context.clear()

    def __exit__(self, *_):
        context.restore(self.taken)


def go_to(green, place):
    """Selects its innermost frame."""
    context.clear()
    if place.kind == "on a thread":
        place.thread.switch()
        places.select(place.level)
    elif place.kind == "not begun":
        raise Fault("green thread %s has not begun: it has no stack" % green.title())
    elif place.registers is not None:
        context.set(green, place.registers)
    else:
        why = "the C stack that it called on is not there any more"
        if not green.runtime.layout.own_registers():
            why = "its registers are not saved where the script could find them, in this build of the library"
        raise Fault("green thread %s: gdb cannot take up its frames: %s; `greenthread %d bt` shows what its frame pointers tell"
                    % (green.title(), why, green.id))


class GreenThread(gdb.Command):
    """Look at a green thread, whether or not a thread runs it. Nothing is written: works on a core too.

greenthread N            select it: bt, up, info locals, print... are about it until the program goes on, or `greenthread off`.
                         Frame numbers of one that no thread runs do not begin at 0.
greenthread N COMMAND    run one command of gdb there, and come back: greenthread 5 info locals
greenthread N bt         its backtrace; of a callback, with the C code and the green threads that called it
greenthread all COMMAND  the same for each: greenthread all bt
greenthread core FILE    write a core that has their stacks: gcore leaves them out on newer kernels
greenthread off          back to the thread
greenthread              which one is selected

N is the id of `info greenthreads`."""

    def __init__(self):
        super().__init__("greenthread", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        _answer(lambda: self._do(argument.strip()))

    def _do(self, argument):
        who, _, command = argument.partition(" ")
        command = command.strip()
        if not who:
            print("green thread %s is selected" % context.green.title() if context.shows() else "no green thread is selected: greenthread N")
        elif who == "off" and not command:
            context.clear()
        elif who == "all" and command:
            self._all(command)
        elif who == "core" and command:
            self._core(command)
        elif who.isdigit() and command:
            runtime = model.Runtime()
            green = runtime.green(int(who))
            with _NoContext(), places.Selection():
                _at(green, command, places.Walks())
        elif who.isdigit():
            green = model.Runtime().green(int(who))
            context.clear()
            go_to(green, places.find(green, places.Walks()))
            print(show.header(green, None))
            gdb.execute("frame")
        else:
            raise gdb.GdbError("causeway: greenthread takes an id of `info greenthreads`, or `all`, and a command; or `off`, or `core FILE`: "
                               "help greenthread")

    @staticmethod
    def _core(path):
        runtime = model.Runtime()
        with _NoContext():
            print("%d stacks of green threads are in %s%s" % (cores.write(path, runtime), path, runtime.damage_text()))

    @staticmethod
    def _all(command):
        runtime = model.Runtime()
        walks, n = places.Walks(), 0
        with _NoContext(), places.Selection():
            for green in runtime.greens():
                n += 1
                if n > _MOST_BACKTRACES:
                    print("and more: only the first %d are shown" % _MOST_BACKTRACES)
                    break
                try:
                    _at(green, command, walks)
                except (Fault, gdb.error) as fault:
                    print(show.header(green, None) + "\n  " + str(fault))
                print()
        if n == 0:
            print("no green threads (the runtime is %s)" % model.PHASES[runtime.phase])
        if runtime.damage:
            print("Not all could be read:%s" % runtime.damage_text())


def _at(green, command, walks):
    place = places.find(green, walks)
    is_backtrace = command.split()[0] in ("bt", "backtrace", "where")
    print(show.header(green, place))
    if not is_backtrace:
        try:
            go_to(green, place)
            gdb.execute(command)
        finally:
            context.clear()
        return
    seen = set()
    while green is not None:
        reached = _backtrace(green, place, command)
        seen.update(one.address for one in reached)
        # gdb may have stopped in the host's frames: below whom it came in is on record.
        green = next((one for one in list(green.chain())[1:] if one.address not in seen), None)
        if green is not None:
            place = places.find(green, walks)
            print("-- gdb cannot go on from there; the call came from below:")
            print(show.header(green, place))


def _backtrace(green, place, command):
    """Prints it. Answers which of the chain it went through."""
    if place.kind == "not begun":
        print("  (it has not begun: no stack)")
        return list(green.chain())
    if place.kind == "suspended":
        print("  (in C, and no thread is there: the host has switched to another stack. Its frames in C are not known; those before are:)")
    if place.kind != "on a thread" and place.registers is None:
        for n, pc in enumerate(places.frame_pointers(green, place)):
            print("#%-3d 0x%016x in %s ()   (by frame pointers)" % (n + 1, pc, function_at(pc, True) or "??"))
        return [green]
    try:
        go_to(green, place)
        gdb.execute("with backtrace limit %d -- %s" % (places.MOST_FRAMES, command))
        return _reached(green)
    finally:
        context.clear()


def _reached(green):
    chain, found, frame, n = list(green.chain()), [green], gdb.newest_frame(), 0
    while frame is not None and n < places.MOST_FRAMES and len(found) < len(chain):
        try:
            sp = int(frame.read_register("sp"))
            found += [one for one in chain if one.holds(sp) and one not in found]
            frame, n = frame.older(), n + 1
        except (gdb.error, ValueError):
            break
    return found


def register():
    InfoGreenThreads()
    GreenThread()
