//! Figures as the cells of tables write them. What is not known is `?`; what is not kept of the past,
//! or does not apply, is `-`.

use std::borrow::Cow;

use super::grid::Shown;
use super::theme::Tint;
use crate::model::State;
use crate::text::{bytes_text, count_text, since_text, span_text, whole};

/// Does not apply, or is not kept.
pub(super) const NONE: Shown<'static> = (Cow::Borrowed("-"), Tint::Dim);
const UNKNOWN: Shown<'static> = (Cow::Borrowed("?"), Tint::Unknown);

/// A text without a colour.
pub(super) fn plain<'a>(text: impl Into<Cow<'a, str>>) -> Shown<'a> {
    (text.into(), Tint::Plain)
}

/// What stands for a figure that is not there: of the past it is not kept, now it is not known.
pub(super) fn absent(state: &State) -> Shown<'static> {
    if state.facts.as_of_ms.is_some() { NONE } else { UNKNOWN }
}

/// Bytes a second as megabytes, in three digits.
pub(super) fn megabytes(bytes_per_second: f64) -> String {
    let it = bytes_per_second / 1e6;
    if bytes_per_second > 0.0 && it < 0.005 {
        "<.01".to_owned()
    } else if it < 9.995 {
        format!("{it:.2}")
    } else if it < 99.95 {
        format!("{it:.1}")
    } else {
        count_text(whole(it))
    }
}

/// How many a second, without saying so: the header does.
pub(super) fn per_second(rate: f64) -> String {
    if rate > 0.0 && rate < 9.95 { format!("{rate:.1}") } else { close(&count_text(whole(rate))) }
}

/// Without the space before its unit: `88.2k`.
pub(super) fn close(text: &str) -> String {
    text.replace(' ', "")
}

/// So many bytes: `1.20GB`.
pub(super) fn bytes(bytes: u64) -> String {
    close(&bytes_text(bytes))
}

/// So long before the moment that is shown.
pub(super) fn since(state: &State, at_ms: Option<i64>) -> Shown<'static> {
    match (at_ms, state.facts.moment_ms()) {
        (Some(at_ms), Some(now_ms)) => plain(close(&since_text(at_ms, now_ms))),
        _ => NONE,
    }
}

/// A length of time.
pub(super) fn span(ms: u64) -> String {
    close(&span_text(ms))
}

/// A rate at the moment when all that changed had been counted.
pub(super) fn rate(
    state: &State,
    rate: Option<crate::facts::Rate>,
    text: fn(f64) -> String,
) -> Shown<'static> {
    let counted = state.facts.counted_at_ms;
    match rate.zip(counted).and_then(|(rate, at_ms)| rate.at(at_ms)) {
        Some(rate) => plain(text(rate)),
        None => absent(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_cells_are_short() {
        assert_eq!(
            [0.0, 400.0, 41_234_567.0, 9.99e6, 122e6, 1.3e9].map(megabytes),
            ["0.00", "<.01", "41.2", "9.99", "122", "1.30 k"]
        );
        assert_eq!([0.0, 0.26, 310.0, 9_800.0].map(per_second), ["0", "0.3", "310", "9.80k"]);
        assert_eq!([512, 1_200_000_000].map(bytes), ["512B", "1.20GB"]);
    }
}
