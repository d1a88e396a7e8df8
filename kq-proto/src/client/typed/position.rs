//! Positions in a partition, as typed: `earliest`, `latest`, `42`, `end-10`, `@-2h`,
//! `@2026-08-22T10:00:00Z`, `@1787392800000`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::admin::v1::OffsetSpec;
use crate::admin::v1::offset_spec::{Named, Spec};
use crate::client::settings::duration;

/// A position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// A place with a name.
    Named(Named),
    /// This very offset.
    Offset(u64),
    /// So many before the high watermark.
    BeforeEnd(u64),
    /// The first record at or after an instant.
    At(i64),
    /// So many milliseconds before now.
    Ago(u64),
}

impl Position {
    /// Where the log begins.
    pub const EARLIEST: Self = Self::Named(Named::Earliest);
    /// Where readers are at the end.
    pub const LATEST: Self = Self::Named(Named::Latest);

    /// For the wire. `BeforeEnd` becomes the end: the caller subtracts.
    pub fn wire(self, now_ms: i64) -> OffsetSpec {
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
            Self::Ago(ms) => write!(f, "@-{}", ago_text(*ms)),
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
pub(super) fn unitless(text: &str) -> Option<String> {
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
pub fn instant(text: &str) -> Result<i64, String> {
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

/// `2h`, `1m30s`.
fn ago_text(ms: u64) -> String {
    humantime::format_duration(Duration::from_millis(ms)).to_string().replace(' ', "")
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
}
