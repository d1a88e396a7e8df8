//! How much of the time the axis shows, and from when to when.

use kq_proto::monitor::v1;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What the axis may span, in milliseconds.
const SPANS_MS: [i64; 9] = [
    5 * MINUTE_MS,
    15 * MINUTE_MS,
    HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    3 * DAY_MS,
    7 * DAY_MS,
];

/// How long a column may be, in milliseconds: lengths that a clock has.
const COLUMNS_MS: [i64; 25] = [
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    20_000,
    30_000,
    MINUTE_MS,
    2 * MINUTE_MS,
    3 * MINUTE_MS,
    4 * MINUTE_MS,
    5 * MINUTE_MS,
    6 * MINUTE_MS,
    10 * MINUTE_MS,
    12 * MINUTE_MS,
    15 * MINUTE_MS,
    20 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    4 * HOUR_MS,
    6 * HOUR_MS,
    8 * HOUR_MS,
    12 * HOUR_MS,
];

/// How much of the time the axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zoom(usize);

impl Default for Zoom {
    /// Six hours.
    fn default() -> Self {
        Self(4)
    }
}

impl Zoom {
    /// The time that it spans, or nearly, in milliseconds: columns have round lengths.
    pub fn span_ms(self) -> i64 {
        SPANS_MS.get(self.0).copied().unwrap_or(HOUR_MS)
    }

    /// Less time; none if it is the least.
    pub(super) fn closer(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// More time; none if it is the most.
    pub(super) fn wider(self) -> Option<Self> {
        (self.0 + 1 < SPANS_MS.len()).then_some(Self(self.0 + 1))
    }

    /// How long a column is where there are so many, in milliseconds.
    pub fn column_ms(self, columns: u32) -> i64 {
        // A tenth less is near enough, and columns of another length are not.
        let span_ms = self.span_ms() / 10 * 9;
        let least = span_ms.checked_div(i64::from(columns.max(1))).unwrap_or(HOUR_MS);
        COLUMNS_MS.into_iter().find(|it| *it >= least).unwrap_or(DAY_MS)
    }

    /// The span up to now; around a moment of the past that lies before it. It moves by whole columns
    /// only.
    pub fn scope(self, columns: u32, now_ms: i64, at_ms: Option<i64>) -> v1::AxisScope {
        let columns = columns.clamp(1, 512);
        let column_ms = self.column_ms(columns);
        let end_of =
            |at_ms: i64| at_ms.div_euclid(column_ms).saturating_add(1).saturating_mul(column_ms);
        let span_ms = column_ms.saturating_mul(i64::from(columns));
        let mut until_at_ms = end_of(now_ms);
        if let Some(at_ms) = at_ms
            && at_ms < until_at_ms.saturating_sub(span_ms)
        {
            until_at_ms = end_of(at_ms.saturating_add(span_ms / 2)).min(until_at_ms);
        }
        v1::AxisScope {
            from_at_ms: until_at_ms.saturating_sub(span_ms),
            until_at_ms,
            columns,
            filter: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_stands_until_a_column_is_over() {
        let zoom = Zoom::default();
        assert_eq!(zoom.column_ms(72), 5 * MINUTE_MS);
        let minutes = |columns| zoom.column_ms(columns) / MINUTE_MS;
        assert_eq!([66, 71, 151, 191, 291].map(minutes), [5, 5, 3, 2, 2]);
        let now = 1_000 * HOUR_MS + 1;
        let first = zoom.scope(72, now, None);
        assert_eq!(first, zoom.scope(72, now + 5 * MINUTE_MS - 2, None));
        assert_eq!(
            zoom.scope(72, now + 5 * MINUTE_MS, None).until_at_ms,
            first.until_at_ms + 5 * MINUTE_MS
        );
        assert_eq!(first.until_at_ms - first.from_at_ms, 6 * HOUR_MS);
    }

    #[test]
    fn a_moment_before_the_axis_moves_it() {
        let now = 1_000 * HOUR_MS;
        let zoom = Zoom::default();
        let near = zoom.scope(72, now, Some(now - HOUR_MS));
        assert_eq!(near, zoom.scope(72, now, None));
        let far = zoom.scope(72, now, Some(now - 20 * HOUR_MS));
        assert!(far.from_at_ms < now - 20 * HOUR_MS && now - 20 * HOUR_MS < far.until_at_ms);
    }

    #[test]
    fn zoom_ends_at_five_minutes_and_seven_days() {
        let mut zoom = Zoom::default();
        while let Some(closer) = zoom.closer() {
            zoom = closer;
        }
        assert_eq!(zoom.span_ms(), 5 * MINUTE_MS);
        while let Some(wider) = zoom.wider() {
            zoom = wider;
        }
        assert_eq!((zoom.span_ms(), zoom.column_ms(72)), (7 * DAY_MS, 3 * HOUR_MS));
        zoom.scope(0, i64::MAX, Some(i64::MIN));
    }
}
