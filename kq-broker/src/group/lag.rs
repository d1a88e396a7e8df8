//! Lag: how far a group is behind, since when, and whether it is getting there.
//!
//! ```text
//!   commit, once it is on stable storage --> Watch --.
//!   head of the partition, each round ----> Course --+--> figures and class of one partition
//!   first unread record and its time -----> Watch ---'              '--> Summary of the group
//! ```
//! Classes follow from what a consumer did between its own commits, never from a number that
//! somebody had to choose: it is caught up when a commit reaches what was the end at the commit
//! before, which holds for every rhythm of committing. All rules go by the time since the broker
//! started; a clock that jumps moves no class.

mod class;
mod course;
#[cfg(test)]
mod drain_test;
mod figures;
mod heads;
#[cfg(test)]
mod script_test;
mod summary;
mod watch;
mod window;

pub use class::{Attendance, Class, Trend, Why};
pub use course::{Course, Head, Standing};
pub use figures::{CatchUp, Figures};
pub use heads::{Heads, Told, TopicCourses, Unreads};
pub use summary::{GroupClass, Summary};
pub use watch::{Origin, Sight, Unread, Verdict, Watch, figures, figures_of_uncommitted};

use std::time::Duration;

/// How long a class needs before it is told of something new.
const NEW_FOR: Duration = Duration::from_secs(10);
/// A watch of a partition where nothing is left to read goes after so long without a commit.
const IDLE_AFTER: Duration = Duration::from_mins(10);

/// A count as a floating number; exact up to 2^53.
fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// The slope of the line through these points that has the least squares; none without two moments.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let (mut count, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for (x, y) in points.clone() {
        count += 1.0;
        sum_x += x;
        sum_y += y;
    }
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in points {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x) * (x - mean_x);
    }
    (below > 0.0).then(|| above / below)
}
