//! `cargo xtask demo`: a live cluster for whoever wants to see one.
//!
//! On a terminal `kq-tui` shows it, and the demo ends with it. Elsewhere everything that is asked of it
//! is asked through `kq-ctl`, so that each line can be asked for by hand while it runs.

mod monitor;
mod story;
mod workload;

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use self::monitor::Monitor;
use self::story::Story;
use self::workload::Workload;
use crate::cli::DemoArgs;
use crate::cluster::{self, BASE_PORT, Guard, Plan};
use crate::output::{draw, is_screen, note, say};
use crate::programs::{Profile, Programs, programs};
use crate::run::{capture, root};
use crate::{clock, signals};

/// What the demo writes to: name, partitions, records a second.
const TOPICS: &[(&str, u32, u32)] = &[("orders", 3, 200), ("payments", 2, 100), ("clicks", 6, 500)];

/// Copies of each partition, where there are brokers enough.
const REPLICAS: u32 = 3;

/// How often the screen is drawn.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// How often a signal is looked for while nothing is drawn.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(crate) fn run(args: &DemoArgs) -> Result<bool> {
    let interrupted = signals::interrupted()?;
    let plan = plan(args)?;
    plan.verify()?;
    let profile = if args.release { Profile::Release } else { Profile::Debug };
    let programs = programs(profile)?;
    let start = clock::now();
    let mut cluster = Guard::up(&plan, &programs)?;
    let ctl = Ctl { programs, bootstrap: cluster.0.bootstrap.clone() };
    let took = start.elapsed().as_millis();
    let who = if plan.brokers == 1 { "1 broker" } else { &format!("{} brokers", plan.brokers) };
    note(format_args!("{who} ready at {} after {took} ms", ctl.bootstrap));
    create_topics(&ctl, plan.brokers)?;
    let dies = REPLICAS <= plan.brokers;
    let workload = Workload::start(&ctl.programs, &ctl.bootstrap, TOPICS, dies)?;
    let mut story = if dies { Some(Story::begin(&ctl)?) } else { None };
    let start = clock::now();
    let is_watched = is_screen() && !args.text;
    let mut monitor = if is_watched { Some(Monitor::start(&ctl)?) } else { None };
    let mut screen = Screen { ctl: &ctl, before: (0, 0) };
    let mut drawn = clock::now();
    let mut outcome = Ok(());
    while outcome.is_ok() && !signals::is_set(&interrupted) {
        if args.length.is_some_and(|length| length <= start.elapsed()) {
            break;
        }
        if monitor.as_mut().is_some_and(Monitor::has_ended) {
            break;
        }
        if let Some(story) = &mut story {
            outcome = story.go_on(&ctl, &mut cluster.0);
        }
        if outcome.is_ok() && REFRESH_EVERY <= drawn.elapsed() {
            outcome = workload.verify();
            if monitor.is_none() {
                screen.show(start.elapsed(), drawn.elapsed(), &workload, story.as_mut());
            }
            drawn = clock::now();
        }
        clock::pause(LOOK_EVERY);
    }
    let watched = monitor.map_or(Ok(()), Monitor::stop);
    let (written, read) = workload.stop();
    drop(cluster);
    outcome?;
    watched?;
    note(format_args!("all is down; {written} records were written and {read} read"));
    Ok(0 < written && 0 < read)
}

/// The default port when it is free, another one when it is not and none was asked for.
fn plan(args: &DemoArgs) -> Result<Plan> {
    let plan = Plan::of("demo", args.brokers)?;
    let base_port = match args.base_port {
        Some(port) => port,
        None if (0..plan.brokers).all(free_above) => BASE_PORT,
        None => plan.base_port,
    };
    Ok(Plan { base_port, ..plan })
}

fn free_above(above: u32) -> bool {
    u16::try_from(above).is_ok_and(|above| cluster::is_free(BASE_PORT + above))
}

fn create_topics(ctl: &Ctl, brokers: u32) -> Result<()> {
    let copies = REPLICAS.min(brokers);
    let min_isr = format!("min.insync.replicas={}", copies.div_ceil(2));
    for (name, partitions, _) in TOPICS {
        let (partitions, copies) = (partitions.to_string(), copies.to_string());
        ctl.run(&["topic", "create", name, "-p", &partitions, "-r", &copies, "-c", &min_isr])?;
    }
    Ok(())
}

/// kq-ctl on the demo's cluster.
#[derive(Debug)]
struct Ctl {
    programs: Programs,
    bootstrap: String,
}

impl Ctl {
    fn run(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.programs.ctl);
        command.args(["--brokers", &self.bootstrap]).args(args).stdin(Stdio::null());
        capture(&mut command)
    }

    /// What it lists, item by item.
    fn items(&self, args: &[&str]) -> Result<Vec<Value>> {
        let said = self.run(&[&["--timeout", "2s", "-o", "json"], args].concat())?;
        let mut document: Value = serde_json::from_str(&said)?;
        let items = document.get_mut("items").and_then(Value::as_array_mut);
        items.map(std::mem::take).context("kq-ctl listed no items")
    }

    /// The last events of the cluster.
    fn events(&self) -> Result<Vec<Value>> {
        self.items(&["events"])
    }
}

/// What is shown each second.
struct Screen<'a> {
    ctl: &'a Ctl,
    before: (u64, u64),
}

impl Screen<'_> {
    fn show(
        &mut self,
        since: Duration,
        step: Duration,
        workload: &Workload,
        mut story: Option<&mut Story>,
    ) {
        let counts = workload.counts();
        let rate = |now: u64, before: u64| {
            let millis = u64::try_from(step.as_millis()).unwrap_or(u64::MAX).max(1);
            (now - before) * 1000 / millis
        };
        let line = format!(
            "{:>4} s  written {} ({}/s)  read {} ({}/s)",
            since.as_secs(),
            counts.0,
            rate(counts.0, self.before.0),
            counts.1,
            rate(counts.1, self.before.1),
        );
        self.before = counts;
        if !is_screen() {
            say(line);
            story.iter_mut().flat_map(|story| story.take_unseen()).for_each(say);
            return;
        }
        // A cluster that just lost a broker may answer a moment later.
        let ask = |args: &[&str]| self.ctl.run(args).unwrap_or_else(|fault| format!("{fault:#}"));
        let status = ask(&["--timeout", "2s", "cluster", "status"]);
        let brokers = ask(&["--timeout", "2s", "broker", "list"]);
        let topics = ask(&["--timeout", "2s", "topic", "list"]);
        let told = story.map(|story| story.last_lines().join("\n")).unwrap_or_default();
        let title = format!("kq demo at {}   Ctrl-C ends it", self.ctl.bootstrap);
        let ctl = &self.ctl.programs.ctl;
        let ctl = ctl.strip_prefix(root()).unwrap_or(ctl).display();
        let hint = format!("try: {ctl} -b {} topic describe orders", self.ctl.bootstrap);
        let parts = [&title, "", &line, "", &status, &brokers, &topics, &told, &hint];
        // Home, then each line cleared to its end, then the rest of the screen: no flicker.
        let text = parts.map(|it| it.trim_end().replace('\n', "\x1b[K\n"));
        draw(format_args!("\x1b[H{}\x1b[K\n\x1b[J", text.join("\x1b[K\n")));
    }
}
