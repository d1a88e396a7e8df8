//! Replicas that a plan moves: how fast they are copied, and how well a rate is kept.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::load::{Load, produce, topic};
use super::report::{Goal, Row, figure, median};
use super::subject::Subject;
use super::{Run, floors};
use crate::run::capture;

/// Partitions that move at a time, as of any topic.
const PARTITIONS: i32 = 8;

const RECORD_BYTES: usize = 1024;

/// The rate that throttled moves are given.
const RATE_MIB: u64 = 24;

/// Who holds the replicas, turn by turn: each move finds a broker that has none of them.
const BROKERS: u64 = 3;

/// A topic with all its bytes on one broker, which moves from one to the next.
struct Mover {
    name: String,
    bytes: u64,
    on: u64,
}

impl Mover {
    fn new(subject: &Subject, bytes: u64) -> Result<Self> {
        let name = topic(&subject.bootstrap, PARTITIONS, &[])?;
        let load = Load {
            records: bytes / RECORD_BYTES as u64,
            record_bytes: RECORD_BYTES,
            partitions: PARTITIONS,
            settings: &[("acks", "all"), ("linger.ms", "5")],
            compressible: false,
        };
        produce(&subject.bootstrap, &name, &load)?;
        let mut mover = Self { name, bytes, on: 0 };
        mover.go(subject, "off")?;
        Ok(mover)
    }

    /// Moves everything to the next broker; how long the plan took, as the cluster tells.
    fn go(&mut self, subject: &Subject, throttle: &str) -> Result<f64> {
        self.on = self.on % BROKERS + 1;
        let to = self.on.to_string();
        let words = ["partition", "reassign", &self.name, "--to", &to, "--throttle", throttle];
        // Both brokers are on one machine, and whoever measures knows what he does.
        let rules = [
            "--override",
            "KQ-S010",
            "--disk-percent-max",
            "100",
            "--yes",
            "--wait=100s",
            "-o",
            "name",
        ];
        ctl(subject, &[words.as_slice(), &rules].concat())?;
        let columns = ["--columns", "STARTED,ENDED", "--sort", "STARTED"];
        let words = ["plan", "list", "--all", "--no-headers", "--time", "epoch"];
        let plans = ctl(subject, &[words.as_slice(), &columns].concat())?;
        let last = plans.lines().last().context("no plan is listed")?;
        let times: Result<Vec<u64>, _> = last.split_whitespace().map(str::parse).collect();
        let times = times.with_context(|| format!("not two times: {last}"))?;
        let [began, ended] = times.as_slice() else { bail!("not two times: {last}") };
        Ok(Duration::from_millis(ended.saturating_sub(*began)).as_secs_f64())
    }

    fn mib(&self) -> f64 {
        figure(self.bytes) / f64::from(1 << 20)
    }
}

fn ctl(subject: &Subject, words: &[&str]) -> Result<String> {
    let mut ctl = Command::new(subject.ctl()?);
    ctl.args(["--brokers", &subject.bootstrap]).args(words).stdin(Stdio::null());
    capture(&mut ctl)
}

/// Moves as fast as they go, beside the same bytes through a loopback connection into a file that is
/// on stable storage in the end.
pub(super) fn unthrottled(run: &mut Run<'_>) -> Result<Vec<Row>> {
    run.subject.renew(3, &[])?;
    let mut mover = Mover::new(run.subject, run.amount(512 << 20))?;
    let (mut floors, mut rates) = (Vec::new(), Vec::new());
    for (floor, took) in run.rounds(|subject| {
        subject.rest()?;
        rustix::fs::sync();
        let floor = floors::copy_seconds(mover.bytes)?;
        Ok((floor, mover.go(subject, "off")?))
    })? {
        floors.push(mover.mib() / floor);
        rates.push(mover.mib() / took);
    }
    let line = "reassignment unthrottled, floor: copy";
    let row = Row::new(line, "MiB/s", median(rates), Goal::TimesFloorAtLeast(0.7));
    Ok(vec![row.over(median(floors))])
}

/// Moves at a rate; the floor is the rate.
pub(super) fn throttled(run: &mut Run<'_>) -> Result<Vec<Row>> {
    run.subject.renew(3, &[])?;
    let bytes = if run.quick { RATE_MIB * 3 } else { RATE_MIB * 8 } << 20;
    let mut mover = Mover::new(run.subject, bytes)?;
    let throttle = format!("{RATE_MIB}MiB/s");
    let rates = run.rounds(|subject| Ok(mover.mib() / mover.go(subject, &throttle)?))?;
    let line = "reassignment throttled, floor: rate set";
    let row = Row::new(line, "MiB/s", median(rates), Goal::TimesFloorWithin(0.9, 1.1));
    Ok(vec![row.over(figure(RATE_MIB))])
}
