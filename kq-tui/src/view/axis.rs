//! The drawn time axis: what happened when, a lane for each kind, the moment that is shown, and the
//! spans of which nothing is known, which never look like calm.

use kq_proto::monitor::v1;

use super::canvas::Canvas;
use super::theme::Tint;
use crate::model::{State, moment};

/// Names of the lanes stand before it.
pub(super) const LABEL_COLUMNS: u16 = 8;
const DAY_MS: i64 = 86_400_000;
/// Between two times that are written above it, at least.
const TIME_COLUMNS: u16 = 18;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Between two times that are written above it.
const STEPS_MS: [i64; 16] = [
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    4 * DAY_MS,
    7 * DAY_MS,
    14 * DAY_MS,
];

/// An axis, and which part of it there is room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis<'a> {
    told: &'a v1::Axis,
    column_ms: i64,
    /// The first of its columns that is drawn.
    first: u32,
    columns: u32,
}

impl<'a> Axis<'a> {
    /// None if it has no columns, or they have no length. Where there is too little room the newest
    /// columns are drawn.
    pub(super) fn new(told: &'a v1::Axis, room: u16) -> Option<Self> {
        let span = told.until_at_ms.checked_sub(told.from_at_ms)?;
        let column_ms = span.checked_div(i64::from(told.columns)).filter(|it| *it > 0)?;
        let columns = told.columns.min(u32::from(room));
        Some(Self { told, column_ms, first: told.columns - columns, columns })
    }

    /// Columns that are drawn.
    pub(super) fn columns(&self) -> u16 {
        u16::try_from(self.columns).unwrap_or(u16::MAX)
    }

    /// How long a column is, in milliseconds.
    pub(super) const fn column_ms(&self) -> i64 {
        self.column_ms
    }

    /// When a column begins, in milliseconds since 1970, counted from the first that is drawn.
    pub(super) fn begins_ms(&self, column: u32) -> i64 {
        let columns = i64::from(self.first) + i64::from(column);
        self.told.from_at_ms.saturating_add(self.column_ms.saturating_mul(columns))
    }

    /// The column of a moment, if it is drawn.
    pub(super) fn column_of(&self, at_ms: i64) -> Option<u16> {
        let from_ms = self.begins_ms(0);
        let column = at_ms.checked_sub(from_ms)?.div_euclid(self.column_ms);
        u16::try_from(column).ok().filter(|it| u32::from(*it) < self.columns)
    }

    /// Whether nothing is known of some of a column.
    fn is_hole(&self, column: u32) -> bool {
        let from_ms = self.begins_ms(column);
        let until_ms = from_ms.saturating_add(self.column_ms);
        self.told.holes.iter().any(|it| it.from_at_ms < until_ms && from_ms < it.until_at_ms)
    }

    /// All lanes of a column together, and none where nothing is known.
    pub(super) fn sums(&self) -> Vec<Option<u64>> {
        let of = |counts: &[u32], column: u32| u64::from(count(counts, self.first, column));
        let it = self.told;
        let sum = |column: u32| {
            of(&it.shrinks, column)
                + of(&it.expands, column)
                + of(&it.leaders, column)
                + of(&it.fences, column)
        };
        (0..self.columns)
            .map(|column| match sum(column) {
                0 if self.is_hole(column) => None,
                sum => Some(sum),
            })
            .collect()
    }
}

fn count(counts: &[u32], first: u32, column: u32) -> u32 {
    let at = usize::try_from(first.saturating_add(column)).unwrap_or(usize::MAX);
    counts.get(at).copied().unwrap_or(0)
}

/// Lines of [`lanes`].
pub(super) const LANES: u16 = 4;

/// Draws times, lanes and cursor: six lines.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, axis: &Axis<'_>) {
    times(canvas, state, axis);
    lanes(&mut canvas.lines(1, LANES), axis);
    cursor(canvas, state, axis);
}

/// Draws what happened, a line for each kind of it.
pub(super) fn lanes(canvas: &mut Canvas<'_>, axis: &Axis<'_>) {
    let it = axis.told;
    let lanes = [
        ("shrink", &it.shrinks, Tint::Warn),
        ("expand", &it.expands, Tint::Good),
        ("leader", &it.leaders, Tint::Plain),
        ("fence", &it.fences, Tint::Bad),
    ];
    for (y, (name, counts, tint)) in (0..).zip(lanes) {
        canvas.text(1, y, name, Tint::Head);
        for column in 0..axis.columns {
            let x = LABEL_COLUMNS.saturating_add(u16::try_from(column).unwrap_or(u16::MAX));
            let count = count(counts, axis.first, column);
            let (sign, tint) = match count {
                0 if axis.is_hole(column) => ("?", Tint::Unknown),
                0 => (".", Tint::Dim),
                count => (level(count), tint),
            };
            canvas.sign(x, y, sign, tint);
        }
    }
}

/// One sign for a count: what is ten and more is told by its size.
const fn level(count: u32) -> &'static str {
    match count {
        0 => ".",
        1 => "1",
        2 => "2",
        3 => "3",
        4 => "4",
        5 => "5",
        6 => "6",
        7 => "7",
        8 => "8",
        9 => "9",
        10..100 => "x",
        100..1_000 => "X",
        _ => "#",
    }
}

/// What the signs of large counts mean.
pub(super) const LEGEND: &str = "x 10+  X 100+  # 1000+";

/// Draws the time at columns that begin with a round one, and where the axis ends.
pub(super) fn times(canvas: &mut Canvas<'_>, state: &State, axis: &Axis<'_>) {
    let is_long = axis.column_ms.saturating_mul(i64::from(axis.columns)) > DAY_MS;
    let text = |at_ms: i64| {
        if is_long {
            let full = moment::day_clock(at_ms, state.zone());
            full.get(5..16).unwrap_or_default().to_owned()
        } else {
            moment::minute(at_ms, state.zone()).trim_end_matches('Z').to_owned()
        }
    };
    let end = text(axis.begins_ms(axis.columns));
    let last = LABEL_COLUMNS + axis.columns().saturating_sub(text_columns(&end));
    canvas.text(last, 0, &end, Tint::Dim);
    let step_ms = step_ms(axis.column_ms);
    let offset_ms = moment::offset_ms(axis.begins_ms(0), state.zone());
    let mut free = LABEL_COLUMNS;
    for column in 0..axis.columns {
        let at_ms = axis.begins_ms(column);
        let into_ms = at_ms.saturating_add(offset_ms).rem_euclid(step_ms);
        // The first column that begins then or has it.
        if column > 0 && into_ms >= axis.column_ms {
            continue;
        }
        let x = LABEL_COLUMNS.saturating_add(u16::try_from(column).unwrap_or(u16::MAX));
        let text = text(at_ms);
        let until = x.saturating_add(text_columns(&text) + 1);
        if x < free || until >= last {
            continue;
        }
        // The beginning gives way to a round time right behind it.
        let next = i64::from(until - x + 1).saturating_mul(axis.column_ms);
        if column == 0 && into_ms > 0 && step_ms - into_ms < next {
            continue;
        }
        free = canvas.text(x, 0, &text, Tint::Dim) + 1;
    }
}

fn text_columns(text: &str) -> u16 {
    u16::try_from(text.len()).unwrap_or(0)
}

/// Between two times that are written, where a column is so long: a length that a clock has.
fn step_ms(column_ms: i64) -> i64 {
    let least = column_ms.saturating_mul(i64::from(TIME_COLUMNS));
    STEPS_MS.into_iter().find(|it| *it >= least).unwrap_or(least)
}

fn cursor(canvas: &mut Canvas<'_>, state: &State, axis: &Axis<'_>) {
    canvas.text(1, 5, "cursor", Tint::Head);
    let rule = canvas.theme.rule();
    for column in 0..axis.columns() {
        canvas.sign(LABEL_COLUMNS + column, 5, rule, Tint::Dim);
    }
    let (at_ms, tint) = match state.moment_asked() {
        Some(at_ms) => (Some(at_ms), Tint::Past),
        None => (state.facts.moment_ms(), Tint::Key),
    };
    if let Some(column) = at_ms.and_then(|at_ms| axis.column_of(at_ms)) {
        canvas.sign(LABEL_COLUMNS + column, 5, "^", tint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> v1::Axis {
        v1::Axis {
            from_at_ms: 1_000,
            until_at_ms: 2_000,
            columns: 10,
            shrinks: vec![0, 0, 5, 0, 0, 0, 0, 0, 0, 1],
            holes: vec![v1::Hole { from_at_ms: 1_390, until_at_ms: 1_500, why: String::new() }],
            ..v1::Axis::default()
        }
    }

    #[test]
    fn what_is_not_known_is_a_hole_and_what_happened_in_it_is_shown() {
        let told = told();
        let axis = Axis::new(&told, 100).unwrap();
        let sums = axis.sums();
        assert_eq!(&sums[2..6], [Some(5), None, None, Some(0)]);
        assert_eq!((axis.column_of(1_999), axis.column_of(2_000)), (Some(9), None));
    }

    #[test]
    fn where_there_is_too_little_room_the_newest_is_drawn() {
        let told = told();
        let axis = Axis::new(&told, 3).unwrap();
        assert_eq!(axis.sums(), [Some(0), Some(0), Some(1)]);
        assert_eq!((axis.column_of(1_650), axis.column_of(1_700)), (None, Some(0)));
    }

    #[test]
    fn an_axis_without_a_length_is_none() {
        for (from, until, columns) in [(0, 0, 10), (5, 0, 10), (0, 10, 0), (i64::MIN, i64::MAX, 3)]
        {
            let told = v1::Axis { from_at_ms: from, until_at_ms: until, columns, ..told() };
            assert!(Axis::new(&told, 10).is_none());
        }
    }
}
