//! What there is to read of a task: lines with a weight each.

use crate::text::{grouped, safe};

/// Lines of one kind that are read; what is more is counted.
const ROWS_MAX: usize = 1_000;

/// How much a line weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A row of the plan.
    Row,
    /// What is to be known first.
    Head,
    /// It went as it should.
    Good,
    /// To be thought of.
    Warn,
    /// It does not go.
    Bad,
    /// Beside the matter.
    Dim,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetLine {
    /// How much it weighs.
    pub weight: Weight,
    /// Safe to show.
    pub text: String,
}

/// Lines to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// From above.
    pub lines: Vec<SheetLine>,
}

impl Sheet {
    /// Adds what is said; a broker's words may have lines of their own.
    pub(super) fn say(&mut self, weight: Weight, words: impl AsRef<str>) {
        for line in words.as_ref().lines().filter(|it| !it.trim().is_empty()) {
            let text = safe(line.trim_end()).into_owned();
            self.lines.push(SheetLine { weight, text });
        }
    }

    /// Adds rows, as many as anybody reads.
    pub(super) fn rows<T>(&mut self, rows: &[T], text: impl Fn(&T) -> String) {
        for row in rows.iter().take(ROWS_MAX) {
            // One line each: no name makes a line of its own.
            let text = safe(text(row).trim_end()).into_owned();
            self.lines.push(SheetLine { weight: Weight::Row, text });
        }
        self.more(rows.len().saturating_sub(ROWS_MAX));
    }

    fn more(&mut self, count: usize) {
        if count > 0 {
            let count = grouped(u64::try_from(count).unwrap_or(u64::MAX));
            self.say(Weight::Dim, format!("and {count} more"));
        }
    }

    /// The line of kq-ctl that does the same.
    pub(super) fn ctl(&mut self, line: &str) {
        self.say(Weight::Dim, format!("the same: {line}"));
    }

    /// Two or three names in a column each, and what is said of them.
    pub(super) fn item(name: &str, words: &str) -> String {
        format!("{name:<24} {words}")
    }
}
