//! kq-tui, the live monitor: partitions, ISR churn and consumer lag, now and at any past moment.
//!
//! ```text
//!   feed (live, replayed, made up) ---frames---> facts
//!                                                  |
//!   keys, sizes, time, signals ---> model::update --+--> effects ---> shell (threads, terminal, calls)
//!                                                  |
//!                                   view::draw <---+---> a buffer of cells
//! ```
//! `facts`, `model` and `view` are pure: no clock, no terminal, no network, no tokio. A session is the
//! list of its events, so that key scripts, replays and reports of faults are one thing.

pub mod args;
pub mod exit;
pub mod facts;
pub mod feed;
pub mod lines;
pub mod model;
pub mod monitor;
pub mod once;
pub mod output;
pub mod plain;
pub mod shell;
pub mod start;
pub mod text;
pub mod view;
