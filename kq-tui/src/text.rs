//! Figures and names as the screens write them. What comes from strangers is shown, never obeyed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text that cannot drive the terminal: control characters, and those that turn the direction of
/// writing or have no width, are shown as escapes.
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for it in text.chars() {
        if is_unsafe(it) {
            shown.extend(it.escape_unicode());
        } else {
            shown.push(it);
        }
    }
    Cow::Owned(shown)
}

fn is_unsafe(it: char) -> bool {
    it.is_control()
        || matches!(it,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Bytes as text: what is none stands as `\xff`. Not yet safe to show.
pub fn readable(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// The same of no more bytes than so many, and of no half character.
pub fn readable_start(bytes: &[u8], bytes_max: usize) -> String {
    if bytes.len() <= bytes_max {
        return readable(bytes);
    }
    let is_begin = |at: &usize| bytes.get(*at).is_none_or(|it| it & 0xc0 != 0x80);
    let end = (bytes_max.saturating_sub(3)..=bytes_max).rev().find(is_begin).unwrap_or(bytes_max);
    readable(bytes.get(..end).unwrap_or(bytes))
}

/// A length of time, by its two largest units: `0.4 s`, `41 s`, `3m24s`, `2h28m`, `9d04h`.
pub fn span_text(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if ms < 9_950 {
        let tenths = (ms + 50) / 100;
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if minutes == 0 {
        format!("{seconds} s")
    } else if hours == 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else {
        format!("{days}d{:02}h", hours % 24)
    }
}

/// A length of time between two moments, which a clock that went back makes none.
pub fn since_text(from_ms: i64, until_ms: i64) -> String {
    span_text(u64::try_from(until_ms.saturating_sub(from_ms)).unwrap_or(0))
}

/// How many, in three digits: `212`, `88.2 k`, `1.21 M`.
pub fn count_text(count: u64) -> String {
    scaled(count, &["", " k", " M", " G", " T", " P", " E"])
}

/// So many bytes, in three digits: `512 B`, `11.0 MB`.
pub fn bytes_text(bytes: u64) -> String {
    scaled(bytes, &[" B", " kB", " MB", " GB", " TB", " PB", " EB"])
}

/// How many a second, in three digits; below ten with a tenth.
pub fn rate_text(per_second: f64) -> String {
    if per_second < 9.95 {
        return format!("{:.1}/s", per_second.max(0.0));
    }
    format!("{}/s", count_text(whole(per_second)))
}

/// The next whole number; what is below zero or no number is 0.
pub fn whole(value: f64) -> u64 {
    // A float of any size fits: the cast stops at the ends.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "figures for eyes; `as` saturates"
    )]
    let whole = value.round() as u64;
    whole
}

/// `1 topic`, `2 topics`.
pub fn plural(count: u64, one: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {one}{s}", grouped(count))
}

/// A whole number with its thousands apart: `6 301`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn scaled(count: u64, units: &[&str]) -> String {
    let mut scale = 1_u64;
    let mut unit = 0;
    while unit + 1 < units.len() && count / scale >= 1_000 {
        scale = scale.saturating_mul(1_000);
        unit += 1;
    }
    let word = units.get(unit).copied().unwrap_or_default();
    let mut text = (count / scale).to_string();
    let digits = 3_usize.saturating_sub(text.len());
    if scale > 1 && digits > 0 {
        let thousandth = (count % scale) / (scale / 1_000);
        let cut = if digits == 1 { thousandth / 100 } else { thousandth / 10 };
        let _ = write!(text, ".{cut:0digits$}");
    }
    text.push_str(word);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_take_three_digits() {
        let shown: Vec<String> =
            [0, 212, 999, 1_000, 8_820, 88_249, 1_210_377, u64::MAX].map(count_text).into();
        assert_eq!(shown, ["0", "212", "999", "1.00 k", "8.82 k", "88.2 k", "1.21 M", "18.4 E"]);
        assert_eq!([512, 11_000_000].map(bytes_text), ["512 B", "11.0 MB"]);
        assert_eq!(
            [0.0, 0.26, 310.4, 9_800.0].map(rate_text),
            ["0.0/s", "0.3/s", "310/s", "9.80 k/s"]
        );
        assert_eq!([0, 999, 6_301, 1_000_000].map(grouped), ["0", "999", "6 301", "1 000 000"]);
    }

    #[test]
    fn spans_take_two_units() {
        let shown = [0, 449, 9_949, 9_950, 59_999, 60_000, 204_000, 8_880_000, 792_000_000];
        assert_eq!(
            shown.map(span_text),
            ["0.0 s", "0.4 s", "9.9 s", "9 s", "59 s", "1m00s", "3m24s", "2h28m", "9d04h"]
        );
        assert_eq!(since_text(5_000, 1_000), "0.0 s");
    }

    #[test]
    fn bytes_that_are_no_text_are_told_as_bytes() {
        assert_eq!(readable(b"ab\xff\xfec"), "ab\\xff\\xfec");
        assert_eq!(readable("größe".as_bytes()), "größe");
        assert_eq!(readable_start("漢漢".as_bytes(), 4), "漢");
        assert_eq!(readable_start(b"\x80\x80\x80\x80\x80\x80", 4), "\\x80\\x80\\x80\\x80");
        assert_eq!(readable_start(b"abc", 4), "abc");
    }

    #[test]
    fn names_of_strangers_are_shown_not_obeyed() {
        assert_eq!(safe("orders"), "orders");
        assert_eq!(safe("a\u{1b}[31mb\r\n"), "a\\u{1b}[31mb\\u{d}\\u{a}");
        assert_eq!(safe("x\u{202e}y\u{9b}z"), "x\\u{202e}y\\u{9b}z");
        for hidden in ['\u{200b}', '\u{2066}', '\u{34f}', '\u{3164}', '\u{e0041}', '\u{180e}'] {
            let number = u32::from(hidden);
            assert_eq!(safe(&format!("a{hidden}b")), format!("a\\u{{{number:x}}}b"));
        }
    }
}
