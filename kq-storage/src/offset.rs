//! Positions in a partition log, one type per meaning.
//!
//! ```text
//!   0 . . . [ a  b  c  d  e  f  g ] .
//!           ^           ^     ^    ^
//!           |           |     |    log end: where the next record goes
//!           |           |     high watermark: readers may see all below it
//!           |           last stable: below it no transaction is open
//!           log start: the oldest record still kept
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// The position of one record in a partition log.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Offset);

        impl $name {
            /// The bare position, for comparison with a position of another meaning.
            pub const fn offset(self) -> Offset {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

position! {
    /// The oldest record still kept; readers below it are out of range.
    LogStartOffset
}
position! {
    /// Below it no transaction is open; `read_committed` readers stop here.
    LastStableOffset
}
position! {
    /// Below it every record is as safe as the topic asks; readers stop here.
    HighWatermark
}
position! {
    /// Where the next record goes: one past the newest record.
    LogEndOffset
}

impl Offset {
    /// The position `count` records further on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }

    /// Records from `earlier` up to here; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The term of office under which records were appended; grows, and is a number only, here.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LeaderEpoch(pub u32);

/// An idempotent producer's identity, granted by the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub u64);

/// The incarnation of a producer; an older one is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerEpoch(pub u16);

/// Milliseconds since the start of 1970, UTC.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TimestampMs(pub i64);

macro_rules! shown_as_number {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

shown_as_number!(LeaderEpoch, ProducerId, ProducerEpoch, TimestampMs);

/// The four positions of one log, taken at one moment and known to be in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogOffsets {
    log_start: LogStartOffset,
    last_stable: LastStableOffset,
    high_watermark: HighWatermark,
    log_end: LogEndOffset,
}

/// Four positions that cannot belong to one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("log offsets out of order: start {0} <= stable {1} <= watermark {2} <= end {3}")]
pub struct OffsetsError(LogStartOffset, LastStableOffset, HighWatermark, LogEndOffset);

impl LogOffsets {
    /// Accepts the four positions only in order: start, stable, watermark, end.
    pub fn new(
        log_start: LogStartOffset,
        last_stable: LastStableOffset,
        high_watermark: HighWatermark,
        log_end: LogEndOffset,
    ) -> Result<Self, OffsetsError> {
        let in_order = log_start.0 <= last_stable.0
            && last_stable.0 <= high_watermark.0
            && high_watermark.0 <= log_end.0;
        if !in_order {
            return Err(OffsetsError(log_start, last_stable, high_watermark, log_end));
        }
        Ok(Self { log_start, last_stable, high_watermark, log_end })
    }

    /// The oldest record still kept.
    pub const fn log_start(&self) -> LogStartOffset {
        self.log_start
    }

    /// Where `read_committed` readers stop.
    pub const fn last_stable(&self) -> LastStableOffset {
        self.last_stable
    }

    /// Where ordinary readers stop.
    pub const fn high_watermark(&self) -> HighWatermark {
        self.high_watermark
    }

    /// Where the next record goes.
    pub const fn log_end(&self) -> LogEndOffset {
        self.log_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(start: u64, stable: u64, watermark: u64, end: u64) -> Result<LogOffsets, String> {
        LogOffsets::new(
            LogStartOffset(Offset(start)),
            LastStableOffset(Offset(stable)),
            HighWatermark(Offset(watermark)),
            LogEndOffset(Offset(end)),
        )
        .map_err(|err| err.to_string())
    }

    #[test]
    fn watermark_past_log_end_is_refused() {
        let err = offsets(0, 3, 9, 8).unwrap_err();
        assert_eq!(err, "log offsets out of order: start 0 <= stable 3 <= watermark 9 <= end 8");
    }

    #[test]
    fn empty_log_has_all_four_positions_equal() {
        assert!(offsets(7, 7, 7, 7).is_ok());
    }
}
