//! Values of conditions.

use std::num::ParseIntError;

use super::Kind;
use crate::model::moment;

/// A text with `*` for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The text itself, if nothing stands for anything.
    pub(super) fn exact(&self) -> Option<&str> {
        (!self.text.contains('*')).then_some(self.text.as_str())
    }

    /// Whether a text is like it.
    pub fn is(&self, text: &str) -> bool {
        let mut parts = self.text.split('*');
        let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
            return false;
        };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        let mut rest = rest;
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        rest.ends_with(last)
    }
}

/// `b3`, `3`, or none as `none` and `-`.
pub(super) fn broker(text: &str) -> Result<Option<u32>, ParseIntError> {
    if matches!(text, "none" | "-") {
        return Ok(None);
    }
    text.strip_prefix('b').unwrap_or(text).parse().map(Some)
}

pub(super) fn number(kind: Kind, text: &str) -> Option<u64> {
    match kind {
        Kind::Span => moment::span_ms(text),
        Kind::Percent => text.strip_suffix('%').unwrap_or(text).parse().ok(),
        Kind::Count | Kind::Bytes => scaled(text),
        Kind::Text | Kind::Broker | Kind::Words(_) => None,
    }
}

/// A number with at most three digits behind a point, and a unit.
fn scaled(text: &str) -> Option<u64> {
    let until = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(until);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let unit = unit.strip_suffix(['b', 'B']).unwrap_or(unit);
    let (letter, base) = match unit.strip_suffix('i') {
        Some(letter) => (letter, 1_024_u64),
        None => (unit, 1_000),
    };
    let power = match letter {
        "" if base == 1_000 => 0,
        "k" | "K" => 1,
        "m" | "M" => 2,
        "g" | "G" => 3,
        "t" | "T" => 4,
        _ => return None,
    };
    let scale = base.checked_pow(power)?;
    let whole: u64 = whole.parse().ok()?;
    let mut value = whole.checked_mul(scale)?;
    if !part.is_empty() {
        if part.len() > 3 || power == 0 {
            return None;
        }
        let parts: u64 = part.parse().ok()?;
        let digits = u32::try_from(part.len()).ok()?;
        value = value.checked_add(parts.checked_mul(scale)? / 10_u64.pow(digits))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        let cases = [
            ("250", Some(250)),
            ("10k", Some(10_000)),
            ("1.5M", Some(1_500_000)),
            ("1G", Some(1_000_000_000)),
            ("1GiB", Some(1_073_741_824)),
            ("2kB", Some(2_000)),
            ("1.5", None),
            ("k", None),
            ("1x", None),
            ("-1", None),
            ("1.2345k", None),
            ("99999999999999999999T", None),
        ];
        for (text, value) in cases {
            assert_eq!(number(Kind::Count, text), value, "{text}");
        }
        assert_eq!(number(Kind::Span, "2h"), Some(7_200_000));
        assert_eq!(number(Kind::Percent, "80%"), Some(80));
    }

    #[test]
    fn a_star_stands_for_anything() {
        let is = |pattern: &str, text: &str| Pattern::new(pattern).is(text);
        assert!(is("orders", "orders") && !is("orders", "orders-raw") && !is("orders", "xorders"));
        assert!(is("orders*", "orders-raw") && is("*raw", "orders-raw") && is("*", ""));
        assert!(is("o*s-*w", "orders-raw") && !is("o*x*w", "orders-raw"));
        assert!(!is("ab*ba", "aba"));
    }

    #[test]
    fn brokers_are_ids_or_none() {
        let read = ["b3", "3", "none", "bx"].map(|it| broker(it).ok());
        assert_eq!(read, [Some(Some(3)), Some(Some(3)), Some(None), None]);
    }
}
