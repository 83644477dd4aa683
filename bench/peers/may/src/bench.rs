// SPDX-License-Identifier: MIT
//
// The peer on Rust's `may`: its arguments, the timed loop and the line it prints. Twin of bench/common/bench.hpp: the same
// growth of counts, the same targets, the same fields.

use std::time::{Duration, Instant};

/// One run: `PROGRAM SUBJECT/VARIANT [--smoke]`.
pub struct Run {
    pub row: String,
    pub subject: String,
    pub processors: usize,
    pub smoke: bool,
}

pub fn parse() -> Run {
    let mut row = String::new();
    let mut smoke = false;
    for argument in std::env::args().skip(1) {
        if argument == "--smoke" {
            smoke = true;
        } else {
            row = argument;
        }
    }
    let Some((subject, variant)) = row.split_once('/') else {
        eprintln!("usage: SUBJECT/VARIANT [--smoke]");
        std::process::exit(2);
    };
    let all = std::thread::available_parallelism().map_or(1, |n| n.get());
    let processors = if variant == "one-p" { 1 } else { all };
    Run { subject: subject.to_string(), processors, smoke, row }
}

/// Times `work(count)`, which performs `count` rounds: trials grow to 20 ms, then one run of about 400 ms counts.
pub fn ns_per_round(run: &Run, step: u64, work: impl Fn(u64)) -> f64 {
    const TRIAL: Duration = Duration::from_millis(20);
    const TARGET: Duration = Duration::from_millis(400);
    let timed = |count: u64| {
        let start = Instant::now();
        work(count);
        start.elapsed()
    };
    let mut count = step;
    let mut taken = timed(count);
    while taken < TRIAL && !(run.smoke && count >= 16 * step) {
        count *= 4;
        taken = timed(count);
    }
    if !run.smoke {
        let scale = TARGET.as_secs_f64() / taken.as_secs_f64();
        count = ((count as f64 * scale) as u64 / step * step).max(step);
        taken = timed(count);
    }
    taken.as_nanos() as f64 / count as f64
}

pub fn print(run: &Run, ns: f64) {
    println!("{{\"row\":\"{}\",\"peer\":\"may\",\"ns\":{:.3},\"bytes\":0}}", run.row, ns);
}
