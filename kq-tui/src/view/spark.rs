//! A curve: a height for each value, and a sign where nothing is known.

use super::canvas::Canvas;
use super::theme::Tint;

/// Where nothing is known.
const HOLE: &str = "?";

/// Values over minutes, squeezed or as they are, the newest at the right: one for each column. A
/// column of several minutes is as high as the highest of them. A minute that is missing is none.
pub(super) fn columns(
    minutes: &[u32],
    values: &[u64],
    last_minute: u32,
    (columns, minutes_shown): (u16, u32),
) -> Vec<Option<u64>> {
    let count = u32::from(columns);
    if count == 0 || minutes_shown == 0 {
        return Vec::new();
    }
    let first = last_minute.saturating_sub(minutes_shown.saturating_sub(1));
    let mut shown = vec![None; usize::from(columns)];
    for (minute, value) in minutes.iter().zip(values) {
        if *minute < first || *minute > last_minute {
            continue;
        }
        let at = u64::from(*minute - first) * u64::from(count) / u64::from(minutes_shown);
        let until = (u64::from(*minute - first) + 1) * u64::from(count) / u64::from(minutes_shown);
        for at in at..until.max(at + 1) {
            let place = usize::try_from(at).ok().and_then(|at| shown.get_mut(at));
            if let Some(place) = place {
                *place = Some(place.map_or(*value, |it: u64| it.max(*value)));
            }
        }
    }
    shown
}

/// Draws values as heights, between 0 and the highest of them, over all lines of the canvas from `x`
/// on.
pub(super) fn draw(canvas: &mut Canvas<'_>, x: u16, values: &[Option<u64>], tint: Tint) {
    let highest = values.iter().flatten().copied().max().unwrap_or(0);
    let heights = canvas.theme.heights();
    let steps = heights.len().saturating_sub(1);
    let lines = canvas.height();
    for (x, value) in (x..).zip(values) {
        let Some(value) = value else {
            canvas.sign(x, lines.saturating_sub(1), HOLE, Tint::Unknown);
            continue;
        };
        let height = height(*value, highest, steps * usize::from(lines));
        for line in 0..lines {
            let below = steps * usize::from(line);
            if line > 0 && height <= below {
                break;
            }
            let sign = heights.get((height - below).min(steps)).copied();
            canvas.sign(x, lines - 1 - line, sign.unwrap_or(HOLE), tint);
        }
    }
}

/// In so many steps: nothing is the lowest, and alone there.
fn height(value: u64, highest: u64, steps: usize) -> usize {
    let top = u128::try_from(steps).unwrap_or(0);
    if value == 0 || highest == 0 {
        return 0;
    }
    let at = (u128::from(value) * top).div_ceil(u128::from(highest));
    usize::try_from(at.min(top)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_that_was_not_counted_is_a_hole() {
        let shown = columns(&[100, 101, 103], &[5, 6, 7], 103, (4, 4));
        assert_eq!(shown, [Some(5), Some(6), None, Some(7)]);
        let squeezed = columns(&[100, 101, 103], &[5, 6, 7], 103, (2, 4));
        assert_eq!(squeezed, [Some(6), Some(7)]);
        let wide = columns(&[102, 103], &[5, 6], 103, (4, 2));
        assert_eq!(wide, [Some(5), Some(5), Some(6), Some(6)]);
        assert!(columns(&[1], &[1], 1, (0, 5)).is_empty());
    }

    #[test]
    fn only_nothing_is_drawn_as_nothing() {
        assert_eq!([0, 1, 50, 100].map(|it| height(it, 100, 7)), [0, 1, 4, 7]);
        assert_eq!([0, 1, 50, 100].map(|it| height(it, 100, 21)), [0, 1, 11, 21]);
        assert_eq!(height(u64::MAX, u64::MAX, 7), 7);
        assert_eq!(height(0, 0, 7), 0);
    }
}
