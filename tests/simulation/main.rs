//! Both parties of the line in one simulation: the link's session machine with real duties over a real store and gate on
//! one side, the gateway's sessions over real operations and a real database on the other, with a virtual clock for each
//! and a network between them that a seed makes as bad as it likes.
//!
//! `SEED=n cargo test -p tests --test simulation` repeats one simulation and prints its trace; `SEEDS=n` runs so many. What
//! happens, and when, comes from the seed alone. Keys and ids do not, so the bytes of two repetitions differ.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulation stops at the first surprise, and says what it did"
)]

mod collect;
mod control;
mod duties;
mod net;
mod oracle;
mod person;
mod random;
mod runner;
mod template;
mod time;
mod trouble;
mod world;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use template::Template;
use world::{Done, Failure, Sabotage, World};

/// As many as run in CI.
const SEEDS: u64 = 200;
/// Failures that are shown before the rest is left.
const MOST_FAILURES: usize = 3;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

fn simulate(seed: u64, template: &Arc<Template>) -> Result<Done, Failure> {
    runtime().block_on(async { World::new(seed, template).await.run().await })
}

fn report(seed: u64, failure: &Failure) -> String {
    let trace = failure.trace.join("\n");
    format!("{trace}\n\nseed {seed}: {}\nrepeat it with SEED={seed} cargo test -p tests --test simulation", failure.why)
}

#[test]
fn each_check_finds_what_it_is_for() {
    let template = Arc::new(runtime().block_on(Template::make()));
    for (sabotage, found) in [
        (Sabotage::AcknowledgeEarly, "acknowledged"),
        (Sabotage::LoseRecord, "record"),
        (Sabotage::Leak, "evidence in"),
        (Sabotage::AnswerTwice, "is answered twice"),
        (Sabotage::ServeLockedOut, "Runner is sent accepted"),
        (Sabotage::Deaf, "no rest"),
    ] {
        // Not every seed has an occasion for every fault.
        let failure = (0..40).find_map(|seed| {
            runtime().block_on(async { World::new(seed, &template).await.with(sabotage).run().await.err() })
        });
        let failure = failure.unwrap_or_else(|| panic!("{sabotage:?} was not found"));
        assert!(failure.why.contains(found), "{sabotage:?} was found as: {}", failure.why);
    }
}

#[test]
fn nothing_is_lost_leaked_or_doubled_whatever_happens() {
    let template = Arc::new(runtime().block_on(Template::make()));
    if let Some(seed) = number("SEED") {
        match simulate(seed, &template) {
            Ok(done) => println!("seed {seed}: {done:?}"),
            Err(failure) => panic!("{}", report(seed, &failure)),
        }
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let (next, failures, all) = (AtomicU64::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds || failures.lock().unwrap().len() >= MOST_FAILURES {
                        return;
                    }
                    match simulate(seed, &template) {
                        Ok(done) => all.lock().unwrap().push(done),
                        Err(failure) => failures.lock().unwrap().push((seed, failure)),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let told: Vec<String> = failures.iter().map(|(seed, failure)| report(*seed, failure)).collect();
    assert!(told.is_empty(), "{}\n{} seeds failed", told.join("\n\n"), told.len());
    let all = all.into_inner().unwrap();
    let sum = |count: fn(&Done) -> u64| all.iter().map(count).sum::<u64>();
    let counts = [
        ("events", sum(|done| done.events)),
        ("messages", sum(|done| done.messages)),
        ("connections", sum(|done| done.sessions)),
        ("records accepted", sum(|done| done.records)),
        ("runs", sum(|done| done.runs)),
        ("runs requested", sum(|done| done.runs_requested)),
        ("due times missed", sum(|done| done.missed)),
        ("gaps", sum(|done| done.gaps)),
        ("drill-downs", sum(|done| done.drilldowns)),
        ("openings", sum(|done| done.opened)),
        ("answers proven", sum(|done| done.proven)),
        ("certificates renewed", sum(|done| done.renewed)),
        ("certificates that gave way", sum(|done| done.gave_way)),
        ("lockings", sum(|done| done.locked)),
        ("forks seen", sum(|done| done.forks)),
    ];
    println!("{counts:?}");
    // Simulations in which nothing happens would show nothing.
    for (what, count) in counts {
        assert!(count >= seeds / 100, "only {count} {what} in {seeds} seeds");
    }
}
