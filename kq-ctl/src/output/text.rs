//! Values as words for eyes: sizes, times, durations; and text of others made harmless.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How times are shown in tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TimeStyle {
    /// 2026-08-22T10:00:00Z
    #[default]
    Rfc3339,
    /// The same in this machine's time zone.
    Local,
    /// 5m ago
    Relative,
    /// Milliseconds since 1970.
    Epoch,
}

/// How sizes are shown in tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ByteStyle {
    /// 1.5GiB
    #[default]
    Human,
    /// 1610612736
    Raw,
}

/// An instant with millisecond precision, without the zeros of a full second.
pub(crate) fn rfc3339(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| format!("@{at_ms}"), |at| at.to_string())
}

/// The same for machines: always three digits of a second, so that texts sort as instants do.
pub(crate) fn rfc3339_ms(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| format!("@{at_ms}"), |at| format!("{at:.3}"))
}

/// An instant in the style asked for.
pub(crate) fn time(at_ms: i64, style: TimeStyle, now_ms: i64) -> String {
    match style {
        TimeStyle::Rfc3339 => rfc3339(at_ms),
        TimeStyle::Epoch => at_ms.to_string(),
        TimeStyle::Relative => {
            let distance = duration(now_ms.abs_diff(at_ms));
            if at_ms <= now_ms { format!("{distance}-ago") } else { format!("in-{distance}") }
        }
        TimeStyle::Local => match Timestamp::from_millisecond(at_ms) {
            Ok(at) => at.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            Err(_) => format!("@{at_ms}"),
        },
    }
}

/// A duration as its two greatest units, without spaces.
pub(crate) fn duration(ms: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut left = ms;
    let mut words = String::new();
    let mut count = 0;
    for (unit, size) in UNITS {
        let n = left / size;
        if n > 0 && count < 2 {
            let _ = write!(words, "{n}{unit}");
            left %= size;
        }
        if n > 0 || count > 0 {
            count += 1;
        }
    }
    if words.is_empty() { "0s".to_owned() } else { words }
}

/// Bytes in the style asked for, without spaces.
pub(crate) fn bytes(size: u64, style: ByteStyle) -> String {
    match style {
        ByteStyle::Raw => size.to_string(),
        ByteStyle::Human if size < 1024 => format!("{size}B"),
        ByteStyle::Human => bytesize::ByteSize(size).display().iec().to_string().replace(' ', ""),
    }
}

/// Control characters and direction overrides are made visible, so that a topic's name or a record's
/// value cannot drive the terminal.
pub(crate) fn harmless(text: &str) -> String {
    if !text.chars().any(is_harmful) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_harmful(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

/// As [`harmless`], but lines stay lines.
pub(crate) fn harmless_lines(text: &str) -> String {
    text.split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}

/// JSON keeps its meaning when any character of a string is written as an escape.
pub(crate) fn harmless_json(json: String) -> String {
    if !json.chars().any(|c| c != '\n' && is_harmful(c)) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c != '\n' && is_harmful(c) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_two_units_without_spaces() {
        let shown: Vec<String> =
            [0, 7, 1_500, 61_000, 3_600_000, 90_061_000].map(duration).to_vec();
        assert_eq!(shown, ["0s", "7ms", "1s500ms", "1m1s", "1h", "1d1h"]);
    }

    #[test]
    fn sizes_are_binary_and_without_spaces() {
        let shown: Vec<String> =
            [0, 1023, 1024, 1_610_612_736].map(|size| bytes(size, ByteStyle::Human)).to_vec();
        assert_eq!(shown, ["0B", "1023B", "1.0KiB", "1.5GiB"]);
    }

    #[test]
    fn escape_sequences_become_visible_text() {
        assert_eq!(harmless("a\x1b[31mb\u{9b}c\u{202e}"), "a\\u{1b}[31mb\\u{9b}c\\u{202e}");
        assert_eq!(harmless_json("\"\u{9b}\u{7f}\"\n".to_owned()), "\"\\u009b\\u007f\"\n");
    }

    #[test]
    fn times_follow_the_style() {
        let at = 1_787_392_800_000;
        assert_eq!(time(at, TimeStyle::Rfc3339, 0), "2026-08-22T10:00:00Z");
        assert_eq!(time(at, TimeStyle::Epoch, 0), "1787392800000");
        assert_eq!(
            [0, 1, 20, 500].map(|ms| rfc3339_ms(at + ms)),
            [
                "2026-08-22T10:00:00.000Z",
                "2026-08-22T10:00:00.001Z",
                "2026-08-22T10:00:00.020Z",
                "2026-08-22T10:00:00.500Z",
            ]
        );
        assert_eq!(time(at, TimeStyle::Relative, at + 61_000), "1m1s-ago");
        assert_eq!(time(at, TimeStyle::Relative, at - 5_000), "in-5s");
    }
}
