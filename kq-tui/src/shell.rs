//! Threads, terminal, calls: everything that the pure parts want done.

pub mod cadence;
pub mod clipboard;
pub mod clock;
pub mod decode;
pub mod encode;
pub mod input;
pub mod pace;
pub mod queue;
pub mod screen;
pub mod watchdog;
pub mod writer;
