//! Whole brokers in a simulated network, on simulated disks, through a storm of faults that follows
//! from a seed: real gRPC, real openraft, the real data door, the real storage. One run a process,
//! for everything in a process that is random must follow from the seed. `cargo xtask turmoil`
//! builds and starts it.
//!
//! ```text
//!   turmoil --seed 7           one run; its figures and its trace hash in one line
//!   turmoil --seed 7 --log     the same, with what happened and the brokers' logs
//! ```
//! What is checked, by the names that failures carry:
//! - D1: nothing acknowledged is lost, whatever was killed or lost its power.
//! - D3: what stands at an offset, as a read or an acknowledgement has told, never changes or goes;
//!   a leader's high watermark never falls within its epoch.
//! - D4: in the end all replicas hold the same bytes.
//! - D5: one leader an epoch, and one leader of the quorum a term.
//! - T1: no record of an idempotent producer is there twice, missing, or out of order.
//! - G1: a committed offset that was acknowledged is never lost, and goes back only by a commit of a
//!   member that may.
//! - G2: in a generation each partition has one owner; a stale member's commit is not taken.
//! - G3: once the faults end a group is stable within ten seconds after its last member came, left, or ended its
//!   session.
//! - G4: no acknowledged record is skipped by a group that commits only what it has read.
//! - C2: a topic whose creation was acknowledged is there in the end.
//! - C6: brokers that have applied the same entries hold the same metadata.
//! - L2: once the faults end, everyone is up, every ISR is whole and writes go on, within a minute.

mod audit;
mod chance;
mod checks;
mod clients;
mod faults;
mod groups;
mod history;
mod links;
mod output;
mod seat;
mod settling;
mod wire;
mod world;

use std::process::ExitCode;

use world::World;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seed = args.iter().skip_while(|it| *it != "--seed").nth(1);
    let seed = seed.map_or(Ok(1), |it| it.parse());
    let Ok(seed) = seed else {
        output::say("--seed wants a number");
        return ExitCode::from(2);
    };
    let log = args.iter().any(|it| it == "--log");
    chance::begin(seed);
    output::begin_log(log);
    output::abort_on_panic(seed);
    let mut world = World::new(seed, log);
    world.run();
    let report = world.report();
    output::say(&report.line);
    for broken in &report.broken {
        output::say(&format!("seed {seed} breaks {broken}"));
    }
    if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
