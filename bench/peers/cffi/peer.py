# SPDX-License-Identifier: MIT
#
# CPython with cffi in the row of calls in: an extension module in cffi's fastest form, `extern "Python"` in API mode.
#
#   peer.py --emit FILE.cpp            writes the module's source; bench/run compiles it
#   peer.py SUBJECT/VARIANT [--smoke]  measures; the module is found through PYTHONPATH
#
# The calls come from a thread of the host that Python did not create, while no other thread wants its lock.
import sys

MODULE = "_causeway_bench_cffi"

DECLARATIONS = """
    extern "Python" int next_value(int);
    int measure(char *row, int smoke);
"""

SOURCE = """
#include "bench/common/calls.hpp"

static int next_value(int);

// Arguments as a program gets them; prints the line that bench/run reads.
static int measure(char *row, int smoke) {
  char program[] = "cffi", flag[] = "--smoke";
  char *arguments[] = {program, row, flag};
  const bench::Run run = bench::parse(smoke != 0 ? 3 : 2, arguments);
  bench::print(run, "cffi", bench::ns_of_bound_call(run, next_value), 0);
  return 0;
}
"""


def emit(path):
    import cffi

    builder = cffi.FFI()
    builder.cdef(DECLARATIONS)
    builder.set_source(MODULE, SOURCE, source_extension=".cpp")
    builder.emit_c_code(path)


def main():
    if sys.argv[1] == "--emit":
        emit(sys.argv[2])
        return
    if sys.argv[1] != "call-in/bound":
        sys.exit("this program has no row " + sys.argv[1])
    module = __import__(MODULE)

    @module.ffi.def_extern()
    def next_value(value):
        return value + 1

    module.lib.measure(module.ffi.new("char[]", sys.argv[1].encode()), int("--smoke" in sys.argv))


main()
