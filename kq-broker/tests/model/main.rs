//! The model simulator: the real replica cores and the real controller, on modelled logs, a
//! modelled network and a modelled clock, through storms of faults; and beside it the real core of
//! the group coordinator in a smaller world of the same kind (`groups`).
//!
//! A run is a function of its seed. Variables of the environment say which runs (`cargo xtask sim`
//! sets them): `KQ_SIM_SEEDS` how many, `KQ_SIM_FROM` the first seed, `KQ_SIM_SCENARIO` only this
//! kind of weather, `KQ_SIM_SEED` this one run with its whole trace.

#[cfg(test)]
mod broker;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod control;
#[cfg(test)]
mod event;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod idempotent;
#[cfg(test)]
mod log;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod net;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod output;
#[cfg(test)]
mod past;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod rng;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod tally;
#[cfg(test)]
mod world;

use runs::{Plan, run_all, run_one};

#[test]
fn the_model_keeps_every_promise_under_faults() {
    run_all(&Plan::from_env());
}

#[test]
fn a_seed_replays_to_the_letter() {
    for seed in 1..4 {
        assert_eq!(run_one(seed, None, true), run_one(seed, None, true));
    }
}

#[test]
fn groups_keep_every_promise_under_faults() {
    groups::run_all();
}

#[test]
fn a_seed_of_groups_replays_to_the_letter() {
    for seed in 1..4 {
        assert_eq!(groups::run_one(seed, None, true), groups::run_one(seed, None, true));
    }
}
