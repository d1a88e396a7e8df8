//! `cargo xtask chaos`: real brokers, real clients, and everything that can be taken from them.
//!
//! A seed draws the faults, or a scenario says what happens. Producers, consumers and a group go
//! on all the while; at the end all is mended, and every promise that was made is held against
//! what is there.

#[cfg(feature = "bench")]
mod clients;
#[cfg(feature = "bench")]
mod coordinators;
#[cfg(feature = "bench")]
mod cuts;
mod history;
mod leaders;
mod placement;
#[cfg(feature = "bench")]
mod plans;
mod replicas;
#[cfg(feature = "bench")]
mod rolling;
#[cfg(feature = "bench")]
mod run;
mod schedule;
#[cfg(feature = "bench")]
mod stage;
#[cfg(feature = "bench")]
mod strikes;
mod windows;
#[cfg(feature = "bench")]
mod world;

#[cfg(feature = "bench")]
pub(crate) use run::run;
