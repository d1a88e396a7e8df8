//! The group coordinator's core through storms: its log is lost in part with each fail-over, its
//! writes end in every way there is, requests and answers come late, twice or never, and members
//! of either protocol crash, pause and come back. What is held against it is in `checks`.

mod admin;
mod checks;
mod client;
mod coordinator;
mod held;
mod log;
mod requests;
mod runs;
mod scenario;
mod settle;
mod wire;
mod world;

pub(crate) use runs::{run_all, run_one};
