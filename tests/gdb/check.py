# SPDX-License-Identifier: MIT
#
# Run by gdb (script.sh) on target.cc standing in gdb_ready(), in a process or in its core: what causeway.py says of each green thread, and that
# nothing is selected or written by it. CHECK_CORE (a path) also writes a core. Ends gdb with status 0, or 1 and what was wrong.
import os
import re
import sys

import gdb

bad = []


def run(command):
    """What it prints; what it complains about."""
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error as error:
        return "error: %s" % error


def want(true_here, what, text=""):
    if not true_here:
        bad.append(what)
        print("FAILED: %s\n%s" % (what, text))


def in_order(text, *names):
    at = 0
    for name in names:
        at = text.find(name, at)
        if at < 0:
            return False
        at += len(name)
    return True


def go_up_to(function):
    frame = gdb.selected_frame()
    while frame is not None and not (frame.name() or "").startswith(function):
        frame = frame.older()
    if frame is not None:
        frame.select()


def row(text, *parts):
    """The id in the line that has all parts."""
    for line in text.splitlines():
        if all(part in line for part in parts):
            return line.split()[0]
    want(False, "no row with %s" % (parts,), text)
    return "0"


def check_list():
    rows = run("info greenthreads")
    ids = {
        "reader": row(rows, '"reader"', "parked", "gdb_reader -- channel receive 0x"),
        "sleeper": row(rows, '"sleeper"', "parked", "gdb_sleeper -- time to pass, "),
        "caller": row(rows, '"caller"', "in C ", " thread ", "gdb_caller -- calls gdb_c_waits"),
        "outer": row(rows, '"outer"', "in C ", " thread ", "gdb_outer -- calls gdb_c_between"),
        "inner": row(rows, "in C ", "gdb_inner -- calls gdb_c_innermost", 'below green thread %s "outer"' % row(rows, '"outer"')),
        "parks": row(rows, "parked", "F", "gdb_parks -- event 0x"),
        "suspends": row(rows, "in C, suspended", "gdb_suspends -- calls gdb_c_suspends"),
    }
    want(len(rows.splitlines()) == 8, "seven green threads", rows)
    want("3600" in rows or "for 359" in rows or "on the clock" in rows, "how long the sleeper sleeps", rows)
    want(run("info greenthreads parked").count(" parked ") == 3 and " in C" not in run("info greenthreads parked"), "only the parked ones")
    want("gdb_caller" in run("info greenthreads C") and "gdb_reader" not in run("info greenthreads C"), "only those in C")
    want("no green threads of that state" in run("info greenthreads runnable"), "none is runnable")
    return ids


def check_backtraces(ids):
    chains = {
        "reader": ("parked: channel receive", "cw_channel_receive", "gdb_reader", "cw_arch_start"),
        "sleeper": ("cw_green_sleep", "gdb_sleeper", "cw_arch_start"),
        "caller": ("gdb_wait_for_ever", "gdb_c_waits", '<green thread %s "caller" calls C: gdb_c_waits>', "gdb_caller", "cw_arch_start"),
        "inner": ("gdb_wait_for_ever", "gdb_c_innermost", "<green thread %s calls C: gdb_c_innermost>", "gdb_inner",
                  "<C calls: green thread %s runs the callback>", "gdb_c_between", '"outer" calls C: gdb_c_between>', "gdb_outer", "cw_arch_start"),
        "outer": ("gdb_c_innermost", "gdb_inner", "gdb_c_between", '<green thread %s "outer" calls C: gdb_c_between>', "gdb_outer", "cw_arch_start"),
        "parks": ("parked: event", "cw_event_wait", "gdb_parks", "<C calls: green thread %s runs the callback>", "gdb_host_parks"),
        "suspends": ("suspended", "no thread is there", "<green thread %s calls C: gdb_c_suspends>", "gdb_suspends",
                     "<C calls: green thread %s runs the callback>", "gdb_host_coroutine"),
    }
    everything = run("greenthread all bt")
    for name, chain in chains.items():
        chain = tuple(part % ids[name] if "%s" in part else part for part in chain)
        said = run("greenthread %s bt" % ids[name])
        want(in_order(said, *chain), "the backtrace of %s: %s" % (name, chain), said)
        want("gdb cannot go on" not in said, "gdb goes through all of %s" % name, said)
        short = run("greenthread %s bt -hide" % ids[name])
        want(in_order(short, *[part for part in chain if part.startswith(("gdb_", "<"))]) and len(short) < len(said), "bt -hide of " + name, short)
        want(in_order(everything, *chain), "%s in the backtrace of all" % name, everything)
    # Without the marks gdb shows what it makes of it.
    want(run("greenthread %s bt -no-filters" % ids["inner"]).count("<signal handler called>") == 3, "bt -no-filters")


def check_commands(ids):
    thread, frame = gdb.selected_thread().num, gdb.selected_frame()
    for name, local in (("reader", 4711), ("caller", 4712), ("outer", 4714), ("suspends", 4715)):
        said = run("greenthread %s frame apply all -s -q print gdb_local" % ids[name])
        want("= %d" % local in said, "frame apply in %s" % name, said)
        said = run("greenthread %s" % ids[name])
        want(said.startswith("Green thread %s" % ids[name]), "selecting %s" % name, said)
        go_up_to("gdb_" + name)
        want("= %d" % local in run("print gdb_local"), "a local of %s" % name, run("bt") + run("info locals"))
        if name in ("reader", "suspends"):
            want("is selected" in run("greenthread"), "which one is selected")
            want(len(run("info greenthreads").splitlines()) == 8, "the list while one is selected")
            want("gdb_" + name in run("bt"), "bt while one is selected", run("bt"))
            want("gdb_outer" in run("greenthread %s bt" % ids["outer"]), "another's backtrace meanwhile")
            go_up_to("gdb_" + name)
            want("= %d" % local in run("print gdb_local"), "still selected after that")
        run("greenthread off")
        run("thread %d" % thread)
        run("frame 0")
    want("no green thread is selected" in run("greenthread"), "none is selected")
    run("greenthread %s info registers" % ids["reader"])
    run("greenthread all info frame")
    want(gdb.selected_thread().num == thread and gdb.selected_frame() == frame, "thread and frame are as before")
    for command, answer in (("greenthread 99999999 bt", "no green thread has the id"), ("greenthread nonsense", "help greenthread"),
                            ("info greenthreads nonsense", "info greenthreads takes"), ("greenthread %s nonsense" % ids["reader"], "Undefined command"),
                            ("help greenthread", "greenthread N COMMAND"), ("help info greenthreads", "List green threads")):
        want(answer in run(command), "the answer to: " + command, run(command))


def check_printers(ids):
    from causeway_gdb import model
    try:
        gdb.lookup_type("causeway::sched::G")
    except gdb.error:
        print("the library has no debug information: printers are not looked at")
        return
    green = model.Runtime().green(int(ids["caller"]))
    at = "*(causeway::sched::G*)0x%x" % green.address
    want('green thread %s "caller", running: gdb_c_waits' % ids["caller"] in run("print " + at), "print a G", run("print " + at))
    want("in C since sp 0x" in run("print (%s).out" % at), "print an Outbound", run("print (%s).out" % at))
    want("runs green thread %s" % ids["caller"] in run("print *(causeway::sched::M*)0x%x" % green.m().address), "print an M",
         run("print *(causeway::sched::M*)0x%x" % green.m().address))
    want("empty list" in run("print (%s).joiners" % at), "print an empty list", run("print (%s).joiners" % at))
    sched = "(*(causeway::sched::Scheduler*)&causeway::sched::scheduler_storage)"
    said = run("print %s.idle_ms" % sched)
    want(re.search(r"= (empty list|list( = )?\{)", said) is not None, "print a list of Ms", said)
    want("P 0" in run("print *%s.ps[0]" % sched), "print a P", run("print *%s.ps[0]" % sched))
    want("(channel, slot " in run("print 'target.cc'::channel"), "print a handle", run("print 'target.cc'::channel"))
    want("(event, slot " in run("print 'target.cc'::event"), "print a handle", run("print 'target.cc'::event"))


def check_all():
    ids = check_list()
    check_backtraces(ids)
    check_commands(ids)
    check_printers(ids)


def main():
    run("set width 0")
    run("set height 0")
    run("set language c++")
    check_all()
    core = os.environ.get("CHECK_CORE")
    if core:
        said = run("greenthread core " + core)
        want("7 stacks of green threads are in " + core in said, "greenthread core", said)
    print("%s: %d complaints" % (os.environ.get("CHECK_NAME", "check"), len(bad)))
    sys.stdout.flush()
    gdb.execute("kill" if os.environ.get("CHECK_NAME") == "live" else "echo", to_string=True)
    gdb.execute("quit %d" % (1 if bad else 0))


main()
