//! Figures in words: bytes, rates, durations, lists of brokers.

use std::fmt;

use super::facts::MeasuredRate;
use crate::ids::BrokerId;

/// Bytes as people read them: `512 B`, `188 MiB`, `31.0 GiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LARGE: [&str; 4] = ["GiB", "TiB", "PiB", "EiB"];
        let Self(bytes) = *self;
        for (shift, unit) in [(0, "B"), (10, "KiB"), (20, "MiB")] {
            if bytes >> shift < 1_024 {
                return write!(f, "{} {unit}", bytes >> shift);
            }
        }
        let mut tenths = u128::from(bytes) * 10 / (1 << 30);
        for unit in LARGE {
            if tenths < 10_240 || unit == "EiB" {
                return write!(f, "{}.{} {unit}", tenths / 10, tenths % 10);
            }
            tenths /= 1_024;
        }
        Ok(())
    }
}

/// A duration as people read it: `41 s`, `3m20s`, `2h5m`, `3d4h`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Millis(pub(super) u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = |f: &mut fmt::Formatter<'_>, (a, x): (u64, &str), (b, y): (u64, &str)| {
            if b == 0 { write!(f, "{a}{x}") } else { write!(f, "{a}{x}{b}{y}") }
        };
        match self.0.div_ceil(1_000) {
            seconds @ ..60 => write!(f, "{seconds} s"),
            seconds @ ..3_600 => pair(f, (seconds / 60, "m"), (seconds % 60, "s")),
            seconds @ ..86_400 => pair(f, (seconds / 3_600, "h"), (seconds % 3_600 / 60, "m")),
            seconds => pair(f, (seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
        }
    }
}

/// How a rate came to be known: `a probe of 8 MiB, just now`.
#[derive(Debug, Clone, Copy)]
pub(super) struct How(pub(super) MeasuredRate);

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MeasuredRate { bytes, age_ms, probed, .. } = self.0;
        let how = if probed { "a probe of" } else { "seen with" };
        write!(f, "{how} {}, ", Bytes(bytes))?;
        if age_ms < 2_000 { f.write_str("just now") } else { write!(f, "{} ago", Millis(age_ms)) }
    }
}

/// Broker ids as `[1 3]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids<'a>(pub(super) &'a [BrokerId]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (at, id) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            id.fmt(f)?;
        }
        f.write_str("]")
    }
}

/// Things in a sentence: `1`, `1 and 2`, `1, 2 and 3`.
pub(super) fn and<T: fmt::Display>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        let bytes = |it: u64| Bytes(it).to_string();
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(188 << 20), "188 MiB");
        assert_eq!(bytes(31 << 30), "31.0 GiB");
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
        let time = |it: u64| Millis(it).to_string();
        assert_eq!(time(41_000), "41 s");
        assert_eq!(time(200_000), "3m20s");
        assert_eq!(time(240_000), "4m");
        assert_eq!(time(7_500_000), "2h5m");
        assert_eq!(time(100 * 3_600_000), "4d4h");
        assert_eq!(and(&[1, 2, 3]), "1, 2 and 3");
    }
}
