# SPDX-License-Identifier: MIT
#
# Run by gdb (cores.sh) on a whole core: writes to DAMAGE_PLACES where in DAMAGE_CORE lies what causeway.py reads, a line `offset-in-the-file bytes what` each.
import os

from causeway_gdb import cores, model


def main():
    runtime = model.Runtime()
    layout = runtime.layout
    arena = layout.at(layout.scheduler, "Scheduler.arena")
    areas = [(layout.process, 8, "process"), (layout.scheduler + layout["Scheduler.arena"][0], 8, "scheduler.arena"),
             (layout.scheduler + layout["Scheduler.ms"][0], 8, "scheduler.ms"), (layout.scheduler + layout["Scheduler.m_count"][0], 4, "scheduler.m_count"),
             (arena + layout["Arena.used"][0], 4, "arena.used"), (arena + layout["Arena.directory"][0], 8, "arena.directory"),
             (layout.at(arena, "Arena.directory"), 64, "directory")]
    for m in runtime.ms():
        areas.append((m.address, layout.plain("M"), "M"))
    for green in runtime.greens():
        areas.append((green.address, layout.plain("G"), "G"))
        for field in ("G.sp", "G.stack.low", "G.stack.high", "G.m", "G.outer", "G.out.sp", "G.out.c_sp", "G.in.high", "G.name", "G.waits_for"):
            areas.append((green.address + layout[field][0], 8, "a field of a G"))
            areas.append((green.address + layout[field][0], 8, field))
        areas.append((green.high - 1024, 1024, "stack"))
        if green.sp != 0 and green.holds(green.sp):
            areas.append((green.sp, layout.plain("switch.bytes"), "switch frame"))
            areas.append((green.sp, 512, "stack"))
        if green.out_sp != 0:
            areas.append((green.out_sp, 256, "stack"))
    with open(os.environ["DAMAGE_CORE"], "rb") as core:
        there = cores.segments(core)
    with open(os.environ["DAMAGE_PLACES"], "w", encoding="ascii") as out:
        for low, size, what in areas:
            for start, end, offset in there:
                if start <= low < end:
                    out.write("%d %d %s\n" % (offset + low - start, min(size, end - low), what))


main()
