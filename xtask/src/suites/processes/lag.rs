//! Five groups, each with a rhythm of its own, told apart by the broker that coordinates them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::clock::{self, poll_until};
use crate::cluster::{Guard, Plan};
use crate::run::capture;
use crate::suites::{Kit, script};
use crate::tally::Verdict;

/// A class shows after the last ten commits have turned over, and a stop after a quarter of a minute.
const PATIENCE: Duration = Duration::from_mins(2);
const TOPIC: &str = "rhythms";
const GROUPS: [&str; 5] = ["steady", "lagging", "stalled", "stopped", "draining"];
/// What a drain may have left when it counts as done: less than what comes between two of its commits.
const DONE: f64 = 1_000.0;

/// What the clients of `tests/clients/five_groups.py` do, until this goes.
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

/// Each group is told by the class that is its name's; the drain ends when it was told to end.
pub(super) fn five_groups(kit: &Kit) -> Result<Verdict> {
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let plan = Plan::test("test-lag")?.with("group.lag.sample.ms", "500");
    let mut cluster = Guard::up(&plan, &kit.programs)?;
    let bootstrap = cluster.0.bootstrap.clone();
    let mut create = Command::new(&kit.programs.ctl);
    create.args(["--brokers", &bootstrap, "topic", "create", TOPIC, "-p", "1"]);
    capture(create.stdin(Stdio::null()))?;
    let mut clients = Command::new(python);
    clients.arg(script("five_groups.py")).args([&bootstrap, TOPIC]);
    let clients = clients.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut rhythms = Rhythms(clients);
    let stdout = rhythms.0.stdout.take().context("clients without stdout")?;
    let first = BufReader::new(stdout).lines().next().context("the clients ended early")??;
    ensure!(first == "ready", "the clients say: {first}");

    let broker = cluster.broker()?;
    let page = || broker.page("/metrics").unwrap_or_default();
    // The drain is judged where all five are told apart at one moment.
    let start = clock::now();
    let apart = |text: &str| {
        let classes = classes(text);
        let is = |name: &&str| {
            let want = if *name == "steady" { "ok" } else { name };
            classes.get(*name).is_some_and(|it| it == want)
        };
        GROUPS.iter().all(is)
    };
    let told = poll_until(PATIENCE, || Some(page()).filter(|it| apart(it)));
    let told = told.with_context(|| format!("not told apart: {:?}", classes(&page())))?;
    let told_after = start.elapsed();
    let catch_up = of_group(&told, "kq_group_catch_up_seconds", "draining");
    let catch_up = catch_up.context("no time to catch up is told")?;
    for never in ["stalled", "stopped", "lagging"] {
        let told = of_group(&told, "kq_group_catch_up_seconds", never);
        ensure!(told == Some(f64::INFINITY), "{never} catches up in {told:?}");
    }
    let start = clock::now();
    let left = || of_group(&page(), "kq_group_lag_records", "draining");
    let done = poll_until(PATIENCE, || left().filter(|it| *it < DONE));
    done.with_context(|| format!("it has not drained: {:?} are left", left()))?;
    let took = start.elapsed().as_secs_f64();
    let error = (catch_up - took).abs() / took;
    ensure!(error < 0.2, "{catch_up:.1} s to catch up were told, it took {took:.1} s");
    Ok(Verdict::Passed(format!(
        "told apart after {} s; {catch_up:.1} s to catch up took {took:.1} s",
        told_after.as_secs()
    )))
}

/// The class of each group.
fn classes(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|it| it.strip_prefix("kq_group_class{group=\""));
    let is_so = lines.filter_map(|it| it.strip_suffix("\"} 1"));
    let pairs = is_so.filter_map(|it| it.split_once("\",class=\""));
    pairs.map(|(group, class)| (group.to_owned(), class.to_owned())).collect()
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
        let text = "kq_group_class{group=\"a\",class=\"ok\"} 0\n\
                    kq_group_class{group=\"a\",class=\"stalled\"} 1\n\
                    kq_group_catch_up_seconds{group=\"a\"} inf\n";
        assert_eq!(classes(text).get("a").map(String::as_str), Some("stalled"));
        assert_eq!(of_group(text, "kq_group_catch_up_seconds", "a"), Some(f64::INFINITY));
        assert_eq!(of_group(text, "kq_group_lag_records", "a"), None);
    }
}
