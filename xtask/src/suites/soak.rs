//! kq-tui for an hour over a made-up cluster of 100,000 partitions, in a terminal of its own: what it
//! costs all the time, and whether anything of it grows. Times are told, not judged.

mod terminal;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use self::terminal::Terminal;
use crate::clock;
use crate::output;
use crate::programs::Programs;
use crate::tally::Verdict;

const PARTITIONS: &str = "100000";
/// Half a minute on a screen, then the next: the overview, those that need all counters, and the past.
const KEYS: [&[u8]; 8] = [b"1", b"4", b"sss", b"3", b"5", b"{{{{", b"L", b"6"];
const KEYS_EACH: Duration = Duration::from_secs(30);
const LOOK_EACH: Duration = Duration::from_secs(1);
const RSS_MIB_MAX: u64 = 150;
/// All screens were seen once, so that what is kept for each is there.
const WARM: u32 = 9;

/// What a process is made of at a moment.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    at_s: f64,
    cpu_s: f64,
    rss_kib: u64,
    threads: u64,
    files: usize,
}

/// Runs it for so many minutes.
pub(super) fn run(programs: &Programs, minutes: f64) -> Result<Verdict> {
    let mut terminal =
        Terminal::start(&programs.tui, &["--demo", "7", "--partitions", PARTITIONS])?;
    let start = clock::now();
    let end = Duration::from_secs_f64(minutes * 60.0);
    let mut looks = Vec::new();
    let mut keys = KEYS.iter().cycle();
    let mut typed = 0_u32;
    while start.elapsed() < end {
        clock::pause(LOOK_EACH);
        let look = look(terminal.pid(), start).with_context(|| terminal.end())?;
        ensure!(look.rss_kib / 1_024 <= RSS_MIB_MAX, "it has {} KiB of memory", look.rss_kib);
        looks.push(look);
        if start.elapsed() >= KEYS_EACH * typed {
            typed += 1;
            terminal.write(keys.next().copied().unwrap_or_default())?;
            if typed.is_multiple_of(20) {
                output::note(format_args!("after {:.0} s: {look:?}", look.at_s));
            }
        }
    }
    let bytes = terminal.bytes();
    terminal.quit()?;
    verdict(&looks, bytes)
}

/// What grew, if anything did, and figures.
fn verdict(looks: &[Look], bytes: u64) -> Result<Verdict> {
    let warm_s = KEYS_EACH.as_secs_f64() * f64::from(WARM);
    let last = looks.last().context("it was never looked at")?;
    // A run that is shorter than that says what it costs, and not what grows.
    let first = looks.iter().find(|it| it.at_s >= warm_s.min(last.at_s / 2.0)).unwrap_or(last);
    let is_warm = first.at_s >= warm_s;
    if is_warm {
        let (threads, files) = (first.threads, first.files);
        ensure!(last.threads <= threads, "{threads} threads have become {}", last.threads);
        ensure!(last.files <= files, "{files} open files have become {}", last.files);
    }
    let span_s = (last.at_s - first.at_s).max(1.0);
    let cpu = (last.cpu_s - first.cpu_s) / span_s * 100.0;
    let rss = |it: &Look| mib(it.rss_kib);
    let peak = looks.iter().map(rss).fold(0.0, f64::max);
    Ok(Verdict::Passed(format!(
        "{:.0} min: CPU {cpu:.1} % of a core, RSS {:.1} MiB at the end, {peak:.1} at most, {:+.2} MiB/h{}, \
         {} threads, {} files, {:.2} KiB/s to the terminal",
        last.at_s / 60.0,
        rss(last),
        slope(looks.iter().filter(|it| it.at_s >= first.at_s)) * 3_600.0,
        if is_warm { "" } else { " while it warms" },
        last.threads,
        last.files,
        kib_per_second(bytes, last.at_s),
    )))
}

/// Of memory over time by least squares, in MiB a second.
fn slope<'l>(looks: impl Iterator<Item = &'l Look> + Clone) -> f64 {
    let count = looks.clone().fold(0.0, |sum, _| sum + 1.0_f64).max(1.0);
    let mean = |of: fn(&Look) -> f64| looks.clone().map(of).sum::<f64>() / count;
    let (at, rss) = (mean(|it| it.at_s), mean(|it| mib(it.rss_kib)));
    let sum = |of: &dyn Fn(&Look) -> f64| looks.clone().map(of).sum::<f64>();
    let both = sum(&|it| (it.at_s - at) * (mib(it.rss_kib) - rss));
    let spread = sum(&|it| (it.at_s - at).powi(2));
    if spread > 0.0 { both / spread } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "figures for eyes")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}

fn kib_per_second(bytes: u64, seconds: f64) -> f64 {
    mib(bytes) / seconds.max(1.0)
}

/// What the kernel tells of a process; an error once it is gone.
fn look(pid: u32, start: Instant) -> Result<Look> {
    let dir = Path::new("/proc").join(pid.to_string());
    let status = std::fs::read_to_string(dir.join("status")).context("it is gone")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|it| it.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let times = std::fs::read_to_string(dir.join("stat"))?;
    let rest = times.rsplit_once(')').context("a stat without a name")?.1;
    // The kernel tells both in hundredths of a second.
    let ticks = rest.split_whitespace().skip(11).take(2);
    let cpu_s = ticks.filter_map(|it| it.parse::<f64>().ok()).sum::<f64>() / 100.0;
    Ok(Look {
        at_s: start.elapsed().as_secs_f64(),
        cpu_s,
        rss_kib: field("VmRSS:").context("it has ended")?,
        threads: field("Threads:").unwrap_or(0),
        files: std::fs::read_dir(dir.join("fd"))?.count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_found_by_its_slope() {
        let look = |second: u32, rss_kib| Look {
            at_s: f64::from(second),
            rss_kib,
            threads: 9,
            files: 12,
            ..Look::default()
        };
        let steady: Vec<Look> = (0..100).map(|it| look(it, 80 << 10)).collect();
        assert!(slope(steady.iter()).abs() < 1e-9);
        let grows: Vec<Look> = (0..100).map(|it| look(it, (80 + u64::from(it)) << 10)).collect();
        assert!((slope(grows.iter()) - 1.0).abs() < 1e-9);
        let mut more = (0..1_000).map(|it| look(it, 80 << 10)).collect::<Vec<Look>>();
        assert!(verdict(&more, 1).is_ok());
        more[999].files = 13;
        assert!(verdict(&more, 1).is_err());
    }
}
