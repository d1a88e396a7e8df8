//! A steady workload through `kq-ctl record produce` and `record consume`, two processes a topic.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::clock;
use crate::programs::Programs;
use crate::run::target;

/// Records are written in bursts of this length.
const BURST_EVERY: Duration = Duration::from_millis(50);

/// Bursts in a second.
const BURSTS_PER_SECOND: u32 = 20;

/// Counters that the threads move.
#[derive(Debug, Default)]
struct Counters {
    ending: AtomicBool,
    written: AtomicU64,
    read: AtomicU64,
}

/// The running workload.
pub(super) struct Workload {
    counters: Arc<Counters>,
    children: Vec<(String, Child)>,
    threads: Vec<JoinHandle<()>>,
}

impl Workload {
    /// Starts a writer and a reader for each (topic, partitions, records a second).
    pub(super) fn start(
        programs: &Programs,
        bootstrap: &str,
        topics: &[(&str, u32, u32)],
    ) -> Result<Self> {
        let mut workload =
            Self { counters: Arc::default(), children: Vec::new(), threads: Vec::new() };
        for (topic, _, rate) in topics {
            let reader = ["record", "consume", topic, "--offset", "earliest", "--format", "%v\\n"];
            let mut reader = spawn(programs, bootstrap, &reader)?;
            let mut writer = spawn(programs, bootstrap, &["record", "produce", topic])?;
            let lines = reader.stdout.take().context("a reader without stdout")?;
            let counters = Arc::clone(&workload.counters);
            workload.threads.push(thread::spawn(move || {
                for line in BufReader::new(lines).split(b'\n') {
                    if line.is_err() {
                        return;
                    }
                    counters.read.fetch_add(1, Ordering::Relaxed);
                }
            }));
            let stdin = writer.stdin.take().context("a writer without stdin")?;
            let counters = Arc::clone(&workload.counters);
            let (topic, burst) = ((*topic).to_owned(), rate.div_ceil(BURSTS_PER_SECOND));
            let name = topic.clone();
            workload.threads.push(thread::spawn(move || write(stdin, &topic, burst, &counters)));
            workload.children.push((format!("the writer of {name}"), writer));
            workload.children.push((format!("the reader of {name}"), reader));
        }
        Ok(workload)
    }

    /// Records written and read so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.counters.written), load(&self.counters.read))
    }

    /// Fails when a process of the workload has ended.
    pub(super) fn verify_alive(&mut self) -> Result<()> {
        for (name, child) in &mut self.children {
            let ended = child.try_wait()?;
            let words = words_file();
            ensure!(ended.is_none(), "{name} ended; its last words are in {}", words.display());
        }
        Ok(())
    }

    /// Ends all of it; records written and read.
    pub(super) fn stop(mut self) -> (u64, u64) {
        self.counters.ending.store(true, Ordering::Relaxed);
        for (_, child) in &mut self.children {
            // One that has ended already needs no killing.
            drop(child.kill());
            drop(child.wait());
        }
        for thread in self.threads {
            drop(thread.join());
        }
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.counters.written), load(&self.counters.read))
    }
}

fn spawn(programs: &Programs, bootstrap: &str, args: &[&str]) -> Result<Child> {
    let mut command = Command::new(&programs.ctl);
    command.args(["--brokers", bootstrap]).args(args);
    command.args(["--progress", "none"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(words()?);
    command.spawn().with_context(|| format!("cannot start {}", programs.ctl.display()))
}

/// Where the workload's processes say what is wrong; the screen is not theirs.
fn words_file() -> PathBuf {
    target().join("clusters").join("demo-workload.log")
}

fn words() -> Result<File> {
    let path = words_file();
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened.with_context(|| format!("cannot open {}", path.display()))
}

fn write(mut stdin: ChildStdin, topic: &str, burst: u32, counters: &Counters) {
    let mut number = 0_u64;
    while !counters.ending.load(Ordering::Relaxed) {
        let mut lines = String::new();
        for _ in 0..burst {
            number += 1;
            lines += &json!({ "topic": topic, "number": number }).to_string();
            lines.push('\n');
        }
        if stdin.write_all(lines.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            return;
        }
        counters.written.fetch_add(u64::from(burst), Ordering::Relaxed);
        clock::pause(BURST_EVERY);
    }
}
