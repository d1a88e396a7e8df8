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

mod chain;
mod encode;
mod filling;
mod filter;
mod group;
mod key_map;
mod keys;
mod last_batches;
mod marks;
mod output;
mod plan;
mod reader;
mod run;

#[cfg(test)]
mod tests;

pub(crate) use encode::cut_head;
pub use filter::Tally;
pub(crate) use keys::Keys;
pub(crate) use last_batches::LastBatches;
pub(crate) use plan::SegmentFacts;
pub(crate) use plan::measure;
pub use plan::{CompactionRules, Dirtiness};
pub(crate) use reader::Source;
pub(crate) use run::PassRules;
pub use run::{CompactedGroup, Compaction, CompactionError, Stepped};
