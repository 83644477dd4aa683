# SPDX-License-Identifier: MIT
#
# What causeway.py loads. From bottom to top:
#
#   memory     reading words and texts of the process or core, with errors that say what to do
#   layout     finding the library and its layout table (runtime/sched/layout.hpp)
#   model      green threads and Ms, as the records say
#   place      where a green thread is: on a thread, in a saved context, or suspended in C
#   unwinder   makes a saved context what a thread's second frame returns to, without writing anything
#   marks      frames in which a backtrace changes stacks, and what lies before
#   cores      writing a core that has the stacks
#   printers   values of the library's types
#   show       what a line about a green thread says
#   commands   info greenthreads, greenthread
#
#   INV-GDB1  Nothing is written to the process: all of it works on cores.
#   INV-GDB2  Every loop has a bound that does not come from the memory that is read.
from causeway_gdb import commands, marks, printers, unwinder


def register():
    unwinder.register()
    marks.register()
    printers.register()
    commands.register()
