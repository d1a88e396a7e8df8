//! The table of results: a line as soon as it is known, or one JSON document at the end.

use serde::Serialize;

use crate::output::say;

/// What a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "goal", content = "of")]
pub(super) enum Goal {
    /// At most so many times the floor.
    TimesFloorAtMost(f64),
    /// At least so many times the floor.
    TimesFloorAtLeast(f64),
    /// Between so many times the floor and so many.
    TimesFloorWithin(f64, f64),
    /// At most this figure.
    AtMost(f64),
    /// At least this figure.
    AtLeast(f64),
    /// At most this part of the other broker's figure; not judged without one.
    PartOfOtherAtMost(f64),
    /// Told, not judged.
    None,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) line: String,
    pub(super) unit: &'static str,
    pub(super) value: f64,
    pub(super) floor: Option<f64>,
    #[serde(flatten)]
    pub(super) goal: Goal,
    pub(super) other: Option<f64>,
}

impl Row {
    pub(super) fn new(line: &str, unit: &'static str, value: f64, goal: Goal) -> Self {
        Self { line: line.to_owned(), unit, value, floor: None, goal, other: None }
    }

    pub(super) fn over(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self
    }

    /// Whether the goal is met; none when there is none to judge by.
    fn met(&self) -> Option<bool> {
        match self.goal {
            Goal::TimesFloorAtMost(times) => Some(self.value <= self.floor? * times),
            Goal::TimesFloorAtLeast(times) => Some(self.floor? * times <= self.value),
            Goal::TimesFloorWithin(least, most) => {
                Some((least..=most).contains(&(self.value / self.floor?)))
            }
            Goal::AtMost(limit) => Some(self.value <= limit),
            Goal::AtLeast(limit) => Some(limit <= self.value),
            Goal::PartOfOtherAtMost(part) => Some(self.value <= self.other? * part),
            Goal::None => None,
        }
    }

    fn goal_in_words(&self) -> String {
        match self.goal {
            Goal::TimesFloorAtMost(times) => format!("<= {times} x floor"),
            Goal::TimesFloorAtLeast(times) => format!(">= {times} x floor"),
            Goal::TimesFloorWithin(least, most) => format!("{least} to {most} x"),
            Goal::AtMost(limit) => format!("<= {}", short(limit)),
            Goal::AtLeast(limit) => format!(">= {}", short(limit)),
            Goal::PartOfOtherAtMost(part) => format!("<= {part:.2} x other"),
            Goal::None => "-".to_owned(),
        }
    }
}

/// Puts the other broker's figures beside ours.
pub(super) fn compare(ours: &mut [Row], theirs: &[Row]) {
    for row in ours {
        row.other = theirs
            .iter()
            .find(|it| (&it.line, it.unit) == (&row.line, row.unit))
            .map(|it| it.value);
    }
}

/// Collects rows and prints them.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    rows: Vec<Row>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        if !json {
            say(format_args!(
                "{:<44} {:>10} {:>10} {:>7} {:>10}  {:<14} {}",
                "LINE", "KQ", "FLOOR", "RATIO", "OTHER", "GOAL", "MET"
            ));
        }
        Self { json, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, row: Row) {
        if !self.json {
            let figure = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), short);
            let ratio = row.floor.map(|floor| row.value / floor);
            let met = row.met().map_or("-", |met| if met { "yes" } else { "NO" });
            say(format_args!(
                "{:<44} {:>10} {:>10} {:>7} {:>10}  {:<14} {met}",
                format!("{} [{}]", row.line, row.unit),
                short(row.value),
                figure(row.floor),
                ratio.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}")),
                figure(row.other),
                row.goal_in_words(),
            ));
        }
        self.rows.push(row);
    }

    /// Prints what is left to print; whether no goal was missed.
    pub(super) fn close(self) -> bool {
        let missed = self.rows.iter().filter(|row| row.met() == Some(false)).count();
        if self.json {
            let rows: Vec<_> = self
                .rows
                .iter()
                .map(|row| {
                    let mut value = serde_json::to_value(row).unwrap_or_default();
                    if let Some(fields) = value.as_object_mut() {
                        fields.insert("met".to_owned(), row.met().into());
                    }
                    value
                })
                .collect();
            say(serde_json::json!({ "rows": rows, "missed": missed }));
        } else {
            say(format_args!("{} lines, {missed} goals missed", self.rows.len()));
        }
        missed == 0
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        it if it < 1.0 => 3,
        it if it < 10.0 => 2,
        it if it < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// The middle one; of none, zero.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A count as a figure to divide with.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(super) fn figure(count: u64) -> f64 {
    count as f64
}

/// The value below which `part` of the sorted values lie.
pub(super) fn quantile(sorted: &[u32], per_thousand: usize) -> f64 {
    let at = (sorted.len() * per_thousand / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_judged_by_what_they_name() {
        let row = |goal| Row::new("x", "s", 2.0, goal).over(1.0);
        assert_eq!(row(Goal::TimesFloorAtMost(2.0)).met(), Some(true));
        assert_eq!(row(Goal::TimesFloorAtLeast(2.1)).met(), Some(false));
        assert_eq!(row(Goal::TimesFloorWithin(1.9, 2.1)).met(), Some(true));
        assert_eq!(row(Goal::TimesFloorWithin(0.9, 1.1)).met(), Some(false));
        assert_eq!(row(Goal::PartOfOtherAtMost(0.5)).met(), None);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((quantile(&[1, 2, 3, 4], 990) - 4.0).abs() < f64::EPSILON);
    }
}
