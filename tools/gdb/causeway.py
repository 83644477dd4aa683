# SPDX-License-Identifier: MIT
#
# Green threads in gdb, in a process or a core: docs/design/gdb.md.
#
#   (gdb) source /path/to/tools/gdb/causeway.py      an installed one comes by itself where gdb trusts its folder
#
# The parts are in causeway_gdb/, beside this file or where the installation put them.
import os
import sys

import gdb


def _load():
    """Makes the commands known. Loaded again after a change of the files, the new ones count."""
    if tuple(int(part) for part in gdb.VERSION.split("-")[0].split(".")[:2] if part.isdigit()) < (11,):
        raise gdb.GdbError("causeway: gdb %s is too old for this script, which needs gdb 11" % gdb.VERSION)
    # Not __file__: when another script sources this one, it is that one's.
    here = os.path.dirname(os.path.realpath(_load.__code__.co_filename))
    if here not in sys.path:
        sys.path.insert(0, here)
    for name in [name for name in sys.modules if name.split(".")[0] == "causeway_gdb"]:
        del sys.modules[name]
    import causeway_gdb
    causeway_gdb.register()


_load()
