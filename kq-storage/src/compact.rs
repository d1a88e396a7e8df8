//! Compaction: of each key the latest record stays.
//!
//! ```text
//!   log start        dirty from               until        log end
//!      |  cleaned       |  keys are mapped      |  as it is   |
//!      v                v                       v             v
//!      [ a1   b2  .. | a3   c4  b:tombstone | ...           ]      before
//!      [ .. (covered) | a3   c4  b:tombstone | ...          ]      after
//! ```
//! Offsets never change and never leave a gap: what is dropped is covered by the batch before it,
//! whose last offset delta grows, or by a batch without records. So the chain of batches stays exact.
//! This module knows batches, keys and bytes; the log's part is in `log/compact.rs`.

#![cfg_attr(not(test), expect(dead_code, reason = "the log does not compact by itself yet"))]

mod chain;
mod encode;
mod filter;
mod key_map;

#[cfg(test)]
mod tests;

pub(crate) use encode::cut_head;
pub use filter::Tally;
