//! What it costs to watch: kq-tui's frames, kq-tui in a terminal over a made-up cluster, and kq-tui
//! before a real broker whose partitions change.

mod cluster;
mod frames;
mod meter;
mod screen;
mod terminal;
mod trickle;
mod watching;

use std::time::Duration;

use anyhow::Result;

use self::terminal::Terminal;
use super::report::figure;

pub(super) use self::cluster::cluster;
pub(super) use self::frames::frames;
pub(super) use self::watching::watching;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// Whatever is shown is shown much sooner.
const SHOWN_MAX: Duration = Duration::from_mins(1);

/// What a process has used of one core, in percent.
fn percent(used: Duration, of: Duration) -> f64 {
    used.as_secs_f64() / of.as_secs_f64() * 100.0
}

/// So much in a second.
fn per_second(count: u64, of: Duration) -> f64 {
    figure(count) / of.as_secs_f64()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The value that 99 of 100 do not exceed; of none, zero.
fn p99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * 99 / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or_default()
}

/// Waits until what is now is shown.
fn await_live(terminal: &mut Terminal) -> Result<()> {
    terminal.await_line("LIVE", SHOWN_MAX, is_live)
}

/// Whether the first line tells what is now: a clock follows the word.
fn is_live(line: &str) -> bool {
    let behind = line.split_once("LIVE ").map(|(_, rest)| rest);
    behind.is_some_and(|it| it.starts_with(|sign: char| sign.is_ascii_digit()))
}

/// The moment of the past that the first line tells.
fn past_moment(line: &str) -> Option<&str> {
    line.split_once("PAST ")?.1.split(',').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells_which_moment_is_shown() {
        assert!(is_live("kq prod   3 of 3 brokers      LIVE 12:04:31Z    RO"));
        assert!(!is_live("kq prod   LIVE, no data yet"));
        assert_eq!(past_moment("kq   * PAST 12:01:07Z, 3m24s ago *"), Some("12:01:07Z"));
        assert_eq!(past_moment("kq   LIVE 12:04:31Z"), None);
    }

    #[test]
    fn the_slowest_hundredth_counts() {
        assert!((p99((0..200).map(f64::from).collect()) - 198.0).abs() < f64::EPSILON);
        assert!(p99(Vec::new()).abs() < f64::EPSILON);
    }
}
