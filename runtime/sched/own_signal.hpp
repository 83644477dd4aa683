// SPDX-License-Identifier: MIT
//
// The one signal that the runtime sends, and only to threads that run managed code: to read where a hog is (hog.cc), and to stop one (halt.cc).
//
// It is option `signal`, else the first real-time signal that at the start has its default action and is not blocked in the starting thread (who
// blocks it may wait for it with sigwait or signalfd). It is unblocked on our workers; the handler is installed when it is wanted for the first
// time, if the action is still the default one, and removed by the stop of the runtime.
//
//   INV-SIG3  The handler stays while one that was sent may still arrive: M::signalled is set before it is sent, and cleared by the handler. A thread
//             that blocks the signal keeps the handler installed for good, because a late one must not end the process.
#pragma once

#include <cstdint>

namespace causeway::sched {

struct M;

// --- lifecycle, through the monitor's start and stop ---
// `signal`: the option, 0 for the first free one.
void choose_own_signal(int signal) noexcept;
// Needs: no M runs user code any more
void give_back_own_signal() noexcept;

// Installs the handler, if it is not there. False: the signal is somebody else's, or there is none.
bool own_signal_ready() noexcept;
// Sends it to m's thread. Needs: own_signal_ready(); the thread exists and runs managed code
bool send_own_signal(M* m) noexcept;

// The signal that a handler of ours alone is installed for; 0: none.
int own_signal_installed() noexcept;
// The one that is or would be used; 0: none.
int own_signal() noexcept;

}  // namespace causeway::sched
