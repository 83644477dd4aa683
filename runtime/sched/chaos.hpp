// SPDX-License-Identifier: MIT
//
// Check mode `migrate=always`: a green thread never comes out of a call of ours on the OS thread on which it went in, nor out of a park on
// the one on which it parked. Code that keeps a thread-local's address, an M or a P over such a place then fails at once, not once a month.
//
// How, without a cost for those who do not ask for it:
//   - each M's gate has poll::kSlow set from its birth, so that enter_runtime() takes its slow path, which calls move();
//   - each P's tick stands at the value at which the loop of the M is due, so that no switch goes from one green thread to the next;
//   - the loop, before it runs a green thread, asks pass_on(): an M on which it ran last hands it, with the P, to a third one.
// A green thread that is locked to its OS thread stays there. Where no further OS thread is to be had (max_threads, no memory) it goes on
// where it is: the mode changes who runs what, never whether.
//
//   INV-MIG1  A green thread that is not locked and for which a thread could be had runs next on an M that is neither G::m (where it was
//             suspended) nor G::came_from (where its user code ran).
//
// Not chosen: a random choice (a failure must come at the first try); moving by sleeping (that is the `stress` suite's business).
#pragma once

namespace causeway::sched {

struct G;
struct M;
struct P;
struct Scheduler;

namespace chaos {

// A new P or M joins the mode, if it is on. Before anybody else sees them.
void adopt(P* p) noexcept;
void adopt(M* m) noexcept;

// The slow path of enter_runtime(): parks the green thread that runs on m and lets it go on elsewhere. Returns the M to go on with.
//
// Stack: the green thread's. Needs: the runtime entered, the P held. Blocks: until another M has taken it up
M* move(M* m) noexcept;

// May m not run g now? Then both, m's P and g, are another M's, and m has to look for work anew.
//
// Stack: system. Needs: P
bool pass_on(M* m, G* g) noexcept;

}  // namespace chaos
}  // namespace causeway::sched
