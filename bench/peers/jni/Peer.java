// SPDX-License-Identifier: MIT
//
// The Java side of the rows of calls; host.cc starts the machine, gives the native methods their code and calls in.

final class Peer {
    private Peer() {}

    /** What C calls: adds one, as its counterpart in bench/causeway/calls_in.cc. */
    static int next(int value) {
        return value + 1;
    }

    /** C that adds one. */
    static native int step(int value);

    /** C that calls next(). */
    static native int through(int value);

    static void callOut(long rounds) {
        int sum = 0;
        for (long i = 0; i < rounds; i++) {
            sum = step(sum);
        }
        mustHaveCounted(sum, rounds);
    }

    static void nested(long rounds) {
        int sum = 0;
        for (long i = 0; i < rounds; i++) {
            sum = through(sum);
        }
        mustHaveCounted(sum, rounds);
    }

    private static void mustHaveCounted(int sum, long calls) {
        if (sum != (int) calls) {
            throw new IllegalStateException("a call was lost");
        }
    }
}
