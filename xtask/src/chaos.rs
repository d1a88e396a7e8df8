//! `cargo xtask chaos`: real brokers, real clients, and everything that can be taken from them.
//!
//! A seed draws the faults. Producers and consumers go on all the while; at the end all is
//! mended, and every promise that was made is held against what is there.

#[cfg(feature = "bench")]
mod clients;
mod history;
mod replicas;
#[cfg(feature = "bench")]
mod run;
mod schedule;
#[cfg(feature = "bench")]
mod world;

#[cfg(feature = "bench")]
pub(crate) use run::run;
