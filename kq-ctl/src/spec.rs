//! Positions in a partition, as typed: `earliest`, `latest`, `42`, `end-10`, `@-2h`,
//! `@2026-08-22T10:00:00Z`, `@1787392800000`.

pub(crate) mod iso_duration;
pub(crate) mod offset_file;
pub(crate) mod target;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kq_proto::admin::v1::offset_spec::{Named, Spec};
use kq_proto::admin::v1::{OffsetSpec, RecordRef};

use crate::cli::duration;
use crate::exit::Failure;

/// A position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Named(Named),
    Offset(u64),
    /// So many before the high watermark.
    BeforeEnd(u64),
    /// The first record at or after an instant.
    At(i64),
    /// So many milliseconds before now.
    Ago(u64),
}

impl Position {
    pub(crate) const EARLIEST: Self = Self::Named(Named::Earliest);
    pub(crate) const LATEST: Self = Self::Named(Named::Latest);

    /// For the wire. `BeforeEnd` becomes the end: the caller subtracts.
    pub(crate) fn wire(self, now_ms: i64) -> OffsetSpec {
        let spec = match self {
            Self::Named(named) => Spec::Named(named.into()),
            Self::Offset(offset) => Spec::Offset(offset),
            Self::BeforeEnd(_) => Spec::Named(Named::Latest.into()),
            Self::At(at) => Spec::AtTimestampMs(at),
            Self::Ago(ms) => {
                Spec::AtTimestampMs(now_ms.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX)))
            }
        };
        OffsetSpec { spec: Some(spec) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(Named::Earliest) => f.write_str("earliest"),
            Self::Named(Named::MaxTimestamp) => f.write_str("max-timestamp"),
            Self::Named(Named::LastStable) => f.write_str("last-stable"),
            Self::Named(Named::LogEnd) => f.write_str("log-end"),
            Self::Named(Named::Latest | Named::Unspecified) => f.write_str("latest"),
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::BeforeEnd(n) => write!(f, "end-{n}"),
            Self::At(at) => write!(f, "@{at}"),
            Self::Ago(ms) => write!(f, "@-{}", crate::output::duration_text(*ms)),
        }
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" | "start" | "beginning" => return Ok(Self::EARLIEST),
            "latest" | "end" => return Ok(Self::LATEST),
            "max-timestamp" => return Ok(Self::Named(Named::MaxTimestamp)),
            "last-stable" => return Ok(Self::Named(Named::LastStable)),
            "log-end" => return Ok(Self::Named(Named::LogEnd)),
            _ => {}
        }
        if let Some(n) = text.strip_prefix("end-").or_else(|| text.strip_prefix("latest-")) {
            return n.parse().map(Self::BeforeEnd).map_err(|_| accepted());
        }
        if let Some(time) = text.strip_prefix('@') {
            return unitless(text).map_or_else(|| at(time), Err);
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(accepted());
        }
        text.parse().map(Self::Offset).map_err(|_| accepted())
    }
}

/// Why `@-1` is refused: whoever writes it means a time ago, and not the one before 1970.
fn unitless(text: &str) -> Option<String> {
    let ago = text.strip_prefix("@-")?;
    let is_number = !ago.is_empty() && ago.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| format!("'{text}' has no unit; accepted: {text}h, {text}m, {text}s"))
}

fn at(text: &str) -> Result<Position, String> {
    if let Some(ago) = text.strip_prefix('-')
        && let Ok(ago) = duration(ago)
    {
        return Ok(Position::Ago(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)));
    }
    instant(text).map(Position::At)
}

fn accepted() -> String {
    "accepted: earliest, latest, an offset, end-N, max-timestamp, last-stable, log-end, \
     @2026-08-22T10:00:00Z, @MILLISECONDS, @-2h"
        .to_owned()
}

/// An instant as typed: RFC 3339, local date and time, or milliseconds since 1970.
pub(crate) fn instant(text: &str) -> Result<i64, String> {
    if let Ok(ms) = text.parse::<i64>() {
        return Ok(ms);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let local: Result<DateTime, _> = text.parse();
    local
        .and_then(|at| at.to_zoned(TimeZone::system()))
        .map(|at| at.timestamp().as_millisecond())
        .map_err(|_| {
            format!(
                "'{text}' is no time: write 2026-08-22T10:00:00Z, 2026-08-22 10:00 or milliseconds"
            )
        })
}

/// An instant, or how long ago: `2h`.
pub(crate) fn since(text: &str, now_ms: i64) -> Result<i64, String> {
    if let Ok(ago) = duration(text) {
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        return Ok(now_ms.saturating_sub(ago));
    }
    instant(text).map_err(|why| format!("{why}, or how long ago: 2h"))
}

/// `T/P@OFF`: one record.
pub(crate) fn record_ref(text: &str) -> Result<RecordRef, String> {
    let accepted = || format!("'{text}' names no record: write TOPIC/PARTITION@OFFSET");
    let (place, offset) = text.rsplit_once('@').ok_or_else(accepted)?;
    let (topic, partition) = place.rsplit_once('/').ok_or_else(accepted)?;
    if topic.is_empty() {
        return Err(accepted());
    }
    Ok(RecordRef {
        topic: topic.to_owned(),
        partition: partition.parse().map_err(|_| accepted())?,
        offset: offset.parse().map_err(|_| accepted())?,
    })
}

/// `k=v`, with anything in the value.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err(format!("'{text}' is no pair: write KEY=VALUE")),
    }
}

/// A partition's list for `T[:P,P]`.
pub(crate) fn topic_partitions(text: &str) -> Result<(String, Vec<u32>), Failure> {
    let Some((topic, list)) = text.rsplit_once(':') else {
        return Ok((text.to_owned(), Vec::new()));
    };
    let partitions: Result<Vec<u32>, _> = list.split(',').map(|part| part.trim().parse()).collect();
    let partitions = partitions.map_err(|_| {
        Failure::usage(format!("'{text}' names no partitions: write TOPIC or TOPIC:0,3"))
    })?;
    Ok((topic.to_owned(), partitions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_and_shown_alike() {
        for text in ["earliest", "latest", "42", "end-10", "max-timestamp", "@-2h", "@17"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        let at: Position = "@2026-08-22T10:00:00Z".parse().unwrap();
        assert_eq!(at, Position::At(1_787_392_800_000));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "",
            "-1",
            "end-",
            "@",
            "@-1",
            "@-60000",
            "@yesterday",
            "+5",
            "1.5",
            "18446744073709551616",
        ] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_record_is_named_by_topic_partition_and_offset() {
        let record = record_ref("a/b/3@42").unwrap();
        assert_eq!((record.topic.as_str(), record.partition, record.offset), ("a/b", 3, 42));
        for text in ["orders", "orders/1", "orders@1", "/1@1", "orders/x@1", "orders/1@-1"] {
            assert!(record_ref(text).is_err(), "{text}");
        }
    }
}
