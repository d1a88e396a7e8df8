//! The frames of kq-tui: its own bench, of which the worst figure over all screens counts.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::KIB;
use crate::bench::Run;
use crate::bench::report::{Goal, Row};
use crate::run::{capture, cargo};

/// The worst of the lines of one size of cluster and of terminal.
#[derive(Debug, Default, PartialEq)]
struct Worst {
    /// The whole screen as bytes, in microseconds.
    raw_us: f64,
    second_us: f64,
    key_us: f64,
    second_bytes: f64,
}

/// Taking in a second and drawing it, and a key, with the bytes that they make.
pub(in crate::bench) fn frames(_: &mut Run<'_>) -> Result<Vec<Row>> {
    let mut bench = cargo(["bench", "--quiet", "--package", "kq-tui", "--bench", "frames"]);
    let worst = worst(&capture(&mut bench)?)?;
    Ok(worst.iter().flat_map(|(place, it)| rows(place, it)).collect())
}

fn rows((partitions, size): &(u64, String), worst: &Worst) -> [Row; 3] {
    let limit_us = if size == "80x24" { 1_000.0 } else { 4_000.0 };
    let row = |what: &str, unit, value, goal| {
        Row::new(&format!("{partitions} at {size}: {what}"), unit, value, goal)
    };
    [
        row("second p99", "us", worst.second_us, Goal::AtMost(limit_us)).over(worst.raw_us),
        row("key p99", "us", worst.key_us, Goal::AtMost(8_000.0)).over(worst.raw_us),
        row("to terminal", "KiB/s", worst.second_bytes / KIB, Goal::AtMost(1.0)),
    ]
}

/// Reads `100000 at 80x24 overview second 812 us 2100 us p99 3.1 x 1296 bytes`.
fn worst(text: &str) -> Result<BTreeMap<(u64, String), Worst>> {
    let mut all: BTreeMap<(u64, String), Worst> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [partitions, "at", size, _, what, p50, "us", p99, "us", "p99", _, "x", bytes, "bytes"] =
            words.as_slice()
        else {
            continue;
        };
        let number = |text: &str| {
            text.parse::<f64>().with_context(|| format!("{text} is no figure in: {line}"))
        };
        let worst = all.entry((partitions.parse()?, (*size).to_owned())).or_default();
        match *what {
            "screen" => worst.raw_us = worst.raw_us.max(number(p50)?),
            "key" => worst.key_us = worst.key_us.max(number(p99)?),
            _ => {
                worst.second_us = worst.second_us.max(number(p99)?);
                worst.second_bytes = worst.second_bytes.max(number(bytes)?);
            }
        }
    }
    ensure!(!all.is_empty(), "the bench of kq-tui has printed no figures");
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_screen_counts() {
        let text = "\
            1000 at 80x24 overview  screen   10 us   12 us p99   1.0 x   6000 bytes\n\
            1000 at 80x24 overview  second   90 us  700 us p99   9.0 x    200 bytes\n\
            1000 at 80x24 topics    second   80 us  900 us p99   8.0 x    100 bytes\n\
            1000 at 80x24 topics    key      20 us   30 us p99   2.0 x     50 bytes\n";
        let all = worst(text).unwrap();
        let want = Worst { raw_us: 10.0, second_us: 900.0, key_us: 30.0, second_bytes: 200.0 };
        assert_eq!(all.get(&(1000, "80x24".to_owned())), Some(&want));
        assert!(worst("nothing").is_err());
    }
}
