//! `cargo xtask demo`: a live cluster for whoever wants to see one.
//!
//! Everything that happens in it goes through `kq-ctl`, so that each line on the screen can be
//! asked for by hand while it runs.

mod workload;

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;

use self::workload::Workload;
use crate::cli::DemoArgs;
use crate::cluster::{self, BASE_PORT, Guard, Plan};
use crate::output::{draw, is_screen, note, say};
use crate::programs::{Profile, Programs, programs};
use crate::run::{capture, root};
use crate::{clock, signals};

/// What the demo writes to: name, partitions, records a second.
const TOPICS: &[(&str, u32, u32)] = &[("orders", 3, 200), ("payments", 2, 100), ("clicks", 6, 500)];

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
    let cluster = Guard::up(&plan, &programs)?;
    let bootstrap = cluster.0.bootstrap.clone();
    note(format_args!("broker ready at {bootstrap} after {} ms", start.elapsed().as_millis()));
    for (name, partitions, _) in TOPICS {
        let partitions = partitions.to_string();
        ctl(&programs, &bootstrap, &["topic", "create", name, "-p", &partitions])?;
    }
    let mut workload = Workload::start(&programs, &bootstrap, TOPICS)?;
    let start = clock::now();
    let mut screen = Screen { programs: &programs, bootstrap: &bootstrap, before: (0, 0) };
    let mut drawn = clock::now();
    let mut outcome = Ok(());
    while outcome.is_ok() && !signals::is_set(&interrupted) {
        if args.length.is_some_and(|length| length <= start.elapsed()) {
            break;
        }
        if REFRESH_EVERY <= drawn.elapsed() {
            outcome = workload
                .verify_alive()
                .and_then(|()| screen.show(start.elapsed(), drawn.elapsed(), &workload));
            drawn = clock::now();
        }
        clock::pause(LOOK_EVERY);
    }
    let (written, read) = workload.stop();
    drop(cluster);
    outcome?;
    note(format_args!("all is down; {written} records were written and {read} read"));
    Ok(0 < written && 0 < read)
}

/// The default port when it is free, another one when it is not and none was asked for.
fn plan(args: &DemoArgs) -> Result<Plan> {
    let base_port = match args.base_port {
        Some(port) => port,
        None if cluster::is_free(BASE_PORT) => BASE_PORT,
        None => cluster::free_base_port(1)?,
    };
    Ok(Plan { base_port, ..Plan::of("demo", args.brokers)? })
}

fn ctl(programs: &Programs, bootstrap: &str, args: &[&str]) -> Result<String> {
    let mut command = Command::new(&programs.ctl);
    command.args(["--brokers", bootstrap]).args(args).stdin(Stdio::null());
    capture(&mut command)
}

/// What is shown each second.
struct Screen<'a> {
    programs: &'a Programs,
    bootstrap: &'a str,
    before: (u64, u64),
}

impl Screen<'_> {
    fn show(&mut self, since: Duration, step: Duration, workload: &Workload) -> Result<()> {
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
            return Ok(());
        }
        let status = ctl(self.programs, self.bootstrap, &["cluster", "status"])?;
        let topics = ctl(self.programs, self.bootstrap, &["topic", "list"])?;
        // Home, then each line cleared to its end, then the rest of the screen: no flicker.
        let title = format!("kq demo at {}   Ctrl-C ends it", self.bootstrap);
        let ctl = self.programs.ctl.strip_prefix(root()).unwrap_or(&self.programs.ctl).display();
        let hint = format!("try: {ctl} -b {} topic describe orders", self.bootstrap);
        let text =
            [&title, "", &line, "", &status, &topics, &hint].map(|it| it.replace('\n', "\x1b[K\n"));
        draw(format_args!("\x1b[H{}\x1b[K\n\x1b[J", text.join("\x1b[K\n")));
        Ok(())
    }
}
