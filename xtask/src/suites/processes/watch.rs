//! What kq-tui tells of an outage: while it lasts, to who attaches later, and after every broker was
//! restarted.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::eyes::{self, Sentences};
use crate::clock::poll_until;
use crate::cluster::{self, Guard, Plan};
use crate::run::capture;
use crate::suites::Kit;
use crate::suites::survivor::Survivor;
use crate::tally::Verdict;

/// Everything here comes within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);
const TOPIC: &str = "orders";
const PARTITIONS: u32 = 6;
/// Records before and during the outage.
const LOAD: u64 = 500;

/// A broker is killed under load: a sentence, the overview and the events tell it as kq-ctl does, and
/// whoever looks later finds the table as it was then.
pub(super) fn outage(kit: &Kit) -> Result<Verdict> {
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let mut cluster = Guard::up(&Plan::of("test-watch", 3)?, &kit.programs)?;
    let watch = Watch { kit, bootstrap: cluster.0.bootstrap.clone() };
    let partitions = PARTITIONS.to_string();
    let minimum = "min.insync.replicas=2";
    watch.ctl(&["topic", "create", TOPIC, "-p", &partitions, "-r", "3", "-c", minimum])?;
    let mut producer = Survivor::start_on(python, &watch.bootstrap, TOPIC, PARTITIONS)?;
    producer.wait_acked(LOAD)?;
    let mut sentences = Sentences::start(&kit.programs, &watch.bootstrap)?;
    let all_up = |it: &str| it.starts_with("3 of 3 brokers are up") && it.contains("all in sync");
    sentences.wait_for("that all is well", PATIENCE, all_up)?;

    // The broker that tells is the one that dies.
    let tells = sentences.read.iter().find_map(|it| it.strip_prefix("Connected to "));
    let dies = watch.broker_at(&cluster, tells.context("it told nothing of a connection")?)?;
    cluster.0.broker(dies)?.kill()?;
    let fenced = format!("roker {dies} is fenced");
    let said = sentences.wait_for(&fenced, PATIENCE, |it| it.contains(&fenced))?;
    producer.wait_acked(LOAD)?;
    let event = watch.fencing(dies)?;
    ensure!(said.words.contains(&event.reason), "told '{}', not: {}", said.words, event.reason);
    let late_ms = said.at_ms - event.at_ms;
    watch.verify_overview(dies, &event)?;
    watch.verify_event(dies, &event)?;
    let table = watch.table(None)?;
    ensure!(table.len() == usize::try_from(PARTITIONS)?, "{table:?}");

    // Attach afterwards.
    cluster::start(&mut cluster.0, &[dies])?;
    cluster.0.broker(dies)?.wait_ready(PATIENCE)?;
    let moment = format!("trouble after {}", event.before());
    watch.verify_as_it_was(&moment, &table, &event)?;

    // And after a restart of all.
    let figures = producer.finish()?;
    let ids: Vec<u32> = cluster.0.brokers.iter().map(|it| it.id).collect();
    cluster::restart(&mut cluster.0, &ids)?;
    watch.whole()?;
    watch.verify_as_it_was(&moment, &table, &event)?;
    let now = watch.table(None)?;
    ensure!(now != table, "the table is the one of the outage still");
    Ok(Verdict::Passed(format!("told {late_ms} ms after it was committed; {figures}")))
}

/// The event of a fencing, as kq-ctl lists it.
struct Fencing {
    sequence: u64,
    /// As it is written, to the millisecond.
    at: String,
    at_ms: i64,
    reason: String,
}

impl Fencing {
    /// A second earlier, as `--at` takes it.
    fn before(&self) -> String {
        let earlier = jiff::Timestamp::from_millisecond(self.at_ms - 1_000);
        earlier.map_or_else(|_| self.at.clone(), |it| it.to_string())
    }

    /// `12:01:07`.
    fn clock(&self) -> &str {
        self.at.get(11..19).unwrap_or(&self.at)
    }
}

struct Watch<'a> {
    kit: &'a Kit,
    bootstrap: String,
}

impl Watch<'_> {
    fn ctl(&self, args: &[&str]) -> Result<String> {
        let mut ctl = Command::new(&self.kit.programs.ctl);
        capture(ctl.args(["--brokers", &self.bootstrap]).args(args).stdin(Stdio::null()))
    }

    fn frame(&self, screen: &str, at: Option<&str>) -> Result<Vec<String>> {
        eyes::frame(&self.kit.programs, &self.bootstrap, screen, at)
    }

    /// The id of the broker at the address that a sentence ends with.
    fn broker_at(&self, cluster: &Guard, told: &str) -> Result<u32> {
        let address = told.trim_end_matches('.');
        let ends = |it: &u16| address.ends_with(&format!(":{it}"));
        let found = cluster.0.brokers.iter().find(|it| ends(&it.port()));
        Ok(found.with_context(|| format!("{address} is none of {}", self.bootstrap))?.id)
    }

    /// The newest fencing of a broker.
    fn fencing(&self, id: u32) -> Result<Fencing> {
        let document: Value = serde_json::from_str(&self.ctl(&["events", "--all", "-o", "json"])?)?;
        let items = document.get("items").and_then(Value::as_array).context("no events")?;
        let text = |of: &Value, name: &str| {
            of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let subject = format!("broker {id}");
        let is_it =
            |it: &&Value| text(it, "event") == "broker_fenced" && text(it, "subject") == subject;
        let event = items.iter().rev().find(is_it).context("kq-ctl tells no fencing")?;
        let at = text(event, "at");
        let at_ms = at.parse::<jiff::Timestamp>()?.as_millisecond();
        let sequence = event.get("sequence").and_then(Value::as_u64).context("no number")?;
        Ok(Fencing { sequence, at, at_ms, reason: text(event, "reason") })
    }

    /// In words: how ill it is, who is gone, and why.
    fn verify_overview(&self, dies: u32, event: &Fencing) -> Result<()> {
        let frame = self.frame("overview", None)?;
        let text = frame.join("\n");
        ensure!(text.contains("DEGRADED"), "not degraded:\n{text}");
        let cause = format!("broker b{dies} fenced");
        let names = |it: &String| it.contains(&cause) && it.contains(&event.reason);
        ensure!(frame.iter().any(names), "no cause:\n{text}");
        Ok(())
    }

    /// The time, the number and the reason are those that kq-ctl tells.
    fn verify_event(&self, dies: u32, event: &Fencing) -> Result<()> {
        let moment = format!("trouble after {}", event.before());
        let frame = self.frame("events", Some(&moment))?;
        let text = frame.join("\n");
        let at = jiff::Timestamp::from_millisecond(event.at_ms)?.strftime("%H:%M:%S%.3f");
        let at = at.to_string();
        let row = |it: &String| {
            it.starts_with('>')
                && it.contains(&at)
                && it.contains(&format!("broker {dies}"))
                && it.contains(&event.reason)
        };
        ensure!(frame.iter().any(row), "no row with {at} and '{}':\n{text}", event.reason);
        let number = format!("Event {} ", event.sequence);
        ensure!(text.contains(&number), "not {number}:\n{text}");
        Ok(())
    }

    /// Partition, leader, preferred leader, leader epoch, and the ISR with who is out of it.
    fn table(&self, at: Option<&str>) -> Result<Vec<Vec<String>>> {
        let frame = self.frame("partitions", at)?;
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in eyes::rows(&frame, "PARTITION") {
            let is_broker = |it: &&String| it.trim_matches(['(', ')']).starts_with('b');
            let (known, rest) = row.split_at_checked(4).context("a row without columns")?;
            let isr = rest.iter().take_while(is_broker).take(3);
            rows.push(known.iter().chain(isr).cloned().collect());
        }
        rows.retain(|it| it.first().is_some_and(|name| name.starts_with(TOPIC)));
        rows.sort();
        Ok(rows)
    }

    /// One step of trouble lands on the outage, and the table is the one that was shown then.
    fn verify_as_it_was(&self, moment: &str, then: &[Vec<String>], event: &Fencing) -> Result<()> {
        let header = self.frame("partitions", Some(moment))?.into_iter().next();
        let header = header.context("an empty frame")?;
        let landed = format!("PAST {}", event.clock());
        ensure!(header.contains(&landed), "not at {landed}: {header}");
        let table = self.table(Some(moment))?;
        ensure!(table == then, "the table was\n{then:?}\nand is told as\n{table:?}");
        Ok(())
    }

    /// Waits until the overview finds nothing amiss.
    fn whole(&self) -> Result<()> {
        let is_well = || {
            let frame = self.frame("overview", None).ok()?;
            frame.iter().any(|it| it.starts_with(" HEALTHY")).then_some(())
        };
        poll_until(PATIENCE, is_well).with_context(|| match self.frame("overview", None) {
            Ok(frame) => format!("the cluster is not whole:\n{}", frame.join("\n")),
            Err(fault) => format!("{fault:#}"),
        })
    }
}
