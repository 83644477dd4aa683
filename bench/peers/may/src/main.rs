// SPDX-License-Identifier: MIT
//
// The rows that `may` can answer. It has no channel without a buffer (its channels are unbounded), hence no ping-pong row.
// Everything runs in coroutines, as our rows run in green threads; the stack size is the crate's default.

mod bench;

use std::hint::black_box;

use may::coroutine::{self, JoinHandle};

fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: the bodies below use no thread-local storage and little stack.
    unsafe { coroutine::spawn(body) }
}

/// Two coroutines that do nothing but yield; one round is one yield.
fn yields(rounds: u64) {
    let body = move || {
        for _ in 0..rounds / 2 {
            coroutine::yield_now();
        }
    };
    let (first, second) = (spawn(body), spawn(body));
    first.join().unwrap();
    second.join().unwrap();
}

const BATCH: u64 = 1000;

/// One round: one coroutine started and joined, in batches of 1000.
fn spawn_join(rounds: u64) {
    let mut children = Vec::with_capacity(BATCH as usize);
    for _ in 0..rounds / BATCH {
        children.extend((0..BATCH).map(|i| {
            spawn(move || {
                black_box(i);
            })
        }));
        for child in children.drain(..) {
            child.join().unwrap();
        }
    }
}

fn main() {
    let run = bench::parse();
    may::config().set_workers(run.processors);
    let measured = spawn(move || {
        let ns = match run.subject.as_str() {
            "yield" => bench::ns_per_round(&run, 2, yields),
            "spawn-join" => bench::ns_per_round(&run, BATCH, spawn_join),
            _ => {
                eprintln!("this program has no row {}", run.row);
                std::process::exit(2);
            }
        };
        bench::print(&run, ns);
    });
    if measured.join().is_err() {
        std::process::exit(1);
    }
}
