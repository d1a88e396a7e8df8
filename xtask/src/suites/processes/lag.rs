//! Twenty groups, each with a rhythm of its own, told apart by the brokers that coordinate them and
//! shown by kq-tui.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::eyes::{self, Sentences};
use crate::clock::{self, poll_until};
use crate::cluster::{Guard, Plan};
use crate::run::capture;
use crate::suites::{Kit, script};
use crate::tally::Verdict;

/// A class shows after the last ten commits have turned over, and a stop of a member that stays after
/// half a minute.
const PATIENCE: Duration = Duration::from_mins(2);
/// So long nothing changes but what changes.
const HELD: Duration = Duration::from_mins(5);
const TOPICS: [&[&str]; 4] = [
    &["rhythms", "-p", "1", "-r", "3"],
    &["quiet", "-p", "1", "-r", "3"],
    &["compacted", "-p", "1", "-r", "3", "-c", "cleanup.policy=compact"],
    &["lonely", "--assignment", "0:3"],
];
/// It has the only replica of `lonely`.
const DIES: u32 = 3;
const GROUPS: usize = 20;
/// What a drain may have left when it counts as done: less than what comes between two of its commits.
const DONE: f64 = 1_000.0;
/// The group whose class changes once it has caught up.
const DRAIN: &str = "draining";
/// Some of those that do not catch up.
const NEVER: [&str; 3] = ["stalled-at-work", "stopped-and-left", "lagging-half"];

/// What the clients of `tests/clients/twenty_groups.py` do, until this goes.
struct Rhythms(Child);

impl Drop for Rhythms {
    fn drop(&mut self) {
        // Its stdin ends, and it ends itself; if it does not, it has nothing to lose.
        drop(self.0.stdin.take());
        if poll_until(Duration::from_secs(10), || self.0.try_wait().ok().flatten()).is_none() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Each group is told by the class that its name begins with, and keeps it; the drain ends when it was
/// told to end.
pub(super) fn twenty_groups(kit: &Kit) -> Result<Verdict> {
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let plan = Plan::of("test-lag", 3)?;
    let cluster = Guard::up(&plan, &kit.programs)?;
    let bootstrap = cluster.0.bootstrap.clone();
    for topic in TOPICS {
        let mut create = Command::new(&kit.programs.ctl);
        create.args(["--brokers", &bootstrap, "topic", "create"]).args(topic);
        capture(create.stdin(Stdio::null()))?;
    }
    let mut clients = Command::new(python);
    clients.arg(script("twenty_groups.py")).arg(&bootstrap);
    let clients = clients.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut rhythms = Rhythms(clients);
    let stdout = rhythms.0.stdout.take().context("clients without stdout")?;
    let first = BufReader::new(stdout).lines().next().context("the clients ended early")??;
    ensure!(first == "ready", "the clients say: {first}");
    cluster.0.broker(DIES)?.kill()?;

    let start = clock::now();
    let mut shown = BTreeMap::new();
    let told = poll_until(PATIENCE, || {
        shown = classes(&eyes::frame(&kit.programs, &bootstrap, "groups", None).ok()?);
        (shown.len() == GROUPS && wrong(&shown).is_empty()).then_some(())
    });
    told.with_context(|| {
        format!("of {} groups not told rightly: {:?}", shown.len(), wrong(&shown))
    })?;
    let told_after = start.elapsed();
    let (promised, took) = watch_drain(kit, &cluster, &bootstrap)?;
    Ok(Verdict::Passed(format!(
        "{GROUPS} told apart after {} s and no other class for {} s; {promised:.1} s to catch up took \
         {took:.1} s",
        told_after.as_secs(),
        HELD.as_secs()
    )))
}

/// For as long as it is `HELD` no group changes its class but the one that drains. How long that was
/// told to take, and took.
fn watch_drain(kit: &Kit, cluster: &Guard, bootstrap: &str) -> Result<(f64, f64)> {
    let mut sentences = Sentences::start(&kit.programs, bootstrap)?;
    sentences.wait_for("how the cluster is", PATIENCE, |it| it.contains(" brokers are up"))?;
    let gauges = || -> String {
        let live = cluster.0.brokers.iter().filter(|it| it.id != DIES);
        live.map(|it| it.page("/metrics").unwrap_or_default()).collect()
    };
    let catch_up = |page: &str, group| of_group(page, "kq_group_catch_up_seconds", group);
    let told = poll_until(PATIENCE, || {
        let page = gauges();
        let never: Option<Vec<f64>> = NEVER.iter().map(|it| catch_up(&page, it)).collect();
        Some((catch_up(&page, DRAIN)?, never?))
    });
    let (promised, never) = told.context("no time to catch up is told")?;
    ensure!(never.iter().all(|it| it.is_infinite()), "{NEVER:?} catch up in {never:?}");
    let start = clock::now();
    let left = || of_group(&gauges(), "kq_group_lag_records", DRAIN);
    let done = poll_until(PATIENCE, || left().filter(|it| *it < DONE));
    done.with_context(|| format!("it has not drained: {:?} are left", left()))?;
    let took = start.elapsed().as_secs_f64();
    // What was ill at the start is told as well, and is no change.
    let is_group = |it: &str| it.starts_with("Group ") || it.contains("groups changed");
    let is_change = |it: &str| is_group(it) && !it.contains(DRAIN);
    if let Some(change) = sentences.heard(HELD.saturating_sub(start.elapsed()), is_change)? {
        bail!("classes changed while nothing did: {change}");
    }
    let error = (promised - took).abs() / took;
    ensure!(error < 0.2, "{promised:.1} s to catch up were told, it took {took:.1} s");
    Ok((promised, took))
}

/// The class of each group on a frame of kq-tui, as kq-ctl calls it.
fn classes(frame: &[String]) -> BTreeMap<String, String> {
    let rows = eyes::rows(frame, "GROUP").into_iter();
    let class = |row: Vec<String>| {
        let class = match row.get(1)?.as_str() {
            "FALLING" => "lagging".to_owned(),
            "NO" => "no_commits".to_owned(),
            other => other.to_lowercase(),
        };
        Some((row.into_iter().next()?, class))
    };
    rows.filter_map(class).collect()
}

/// Those that are not told by what their names begin with.
fn wrong(shown: &BTreeMap<String, String>) -> Vec<(&String, &String)> {
    let is_right = |name: &str, class: &str| name.split('-').next() == Some(class);
    shown.iter().filter(|(name, class)| !is_right(name, class)).collect()
}

/// One gauge of one group.
fn of_group(text: &str, name: &str, group: &str) -> Option<f64> {
    let start = format!("{name}{{group=\"{group}\"}} ");
    text.lines().find_map(|it| it.strip_prefix(&start))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_metrics_is_read() {
        let text = "kq_group_catch_up_seconds{group=\"a\"} inf\n";
        assert_eq!(of_group(text, "kq_group_catch_up_seconds", "a"), Some(f64::INFINITY));
        assert_eq!(of_group(text, "kq_group_lag_records", "a"), None);
    }

    #[test]
    fn a_class_is_held_against_the_name() {
        let frame =
            ["  GROUP  CLASS", "> lagging-half  FALLING 9", "  no_commits-a  NO COMMITS", "---"];
        let shown = classes(&frame.map(str::to_owned));
        assert_eq!(shown.len(), 2);
        assert!(wrong(&shown).is_empty(), "{shown:?}");
        let shown = BTreeMap::from([("ok-a".to_owned(), "stalled".to_owned())]);
        assert_eq!(wrong(&shown).len(), 1);
    }
}
