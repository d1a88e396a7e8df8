//! Threads, terminal, calls: everything that the pure parts want done.
//!
//! ```text
//!  input --keys-->  +-------+           +--------+  one frame   +--------+
//!  feed  --frames-> | queue | --notes-> |  main  | -----------> | writer | --> terminal
//!  watchdog ------> +-------+           +--------+              +--------+
//!     |                                  update, draw            difference to what is shown
//!     +--> ends the process by itself: the terminal is gone, or a signal says so
//! ```

pub mod app;
pub mod cadence;
pub mod clipboard;
pub mod clock;
pub mod decode;
pub mod encode;
pub mod input;
pub mod pace;
pub mod queue;
pub mod screen;
pub mod session;
pub mod terminal;
pub mod trace;
pub mod watchdog;
pub mod writer;
