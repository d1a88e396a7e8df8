//! A steady workload, two processes a topic: `kq-ctl record produce` and `record consume`, or kcat
//! where brokers die, since it follows partitions to their new leaders.
//!
//! A process that ends is started again, as whoever runs an application does, and counted.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::clock;
use crate::programs::Programs;
use crate::run::{find, shown, target};

/// Records are written in bursts of this length.
const BURST_EVERY: Duration = Duration::from_millis(50);

/// Bursts in a second.
const BURSTS_PER_SECOND: u32 = 20;

/// A process that ended is started again after this.
const START_AGAIN: Duration = Duration::from_millis(200);

/// How often processes may end; a broker that dies ends some of them.
const STARTS_AGAIN_MAX: u64 = 200;

/// A client as a process.
#[derive(Debug, Clone)]
enum Tool {
    Ctl(PathBuf),
    Kcat(PathBuf),
}

impl Tool {
    fn writer(&self, bootstrap: &str, topic: &str) -> Command {
        match self {
            Self::Ctl(program) => ctl(program, bootstrap, &["record", "produce", topic]),
            Self::Kcat(program) => {
                let safe = ["-X", "acks=all", "-X", "enable.idempotence=true"];
                kcat(program, bootstrap, &[&["-P", "-t", topic], safe.as_slice()].concat())
            }
        }
    }

    /// A reader from the first record on, or from now on.
    fn reader(&self, bootstrap: &str, topic: &str, first: bool) -> Command {
        match self {
            Self::Ctl(program) => {
                let offset = if first { "earliest" } else { "latest" };
                let args = ["record", "consume", topic, "--offset", offset, "--format", "%v\\n"];
                ctl(program, bootstrap, &args)
            }
            Self::Kcat(program) => {
                let offset = if first { "beginning" } else { "end" };
                let args = ["-C", "-t", topic, "-o", offset, "-u", "-q", "-f", "%s\\n"];
                kcat(program, bootstrap, &args)
            }
        }
    }
}

fn ctl(program: &Path, bootstrap: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(["--brokers", bootstrap]).args(args).args(["--progress", "none"]);
    command
}

fn kcat(program: &Path, bootstrap: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    let quick = ["-X", "reconnect.backoff.max.ms=500", "-X", "linger.ms=5"];
    command.args(["-b", bootstrap]).args(args).args(quick);
    command
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    tool: Tool,
    bootstrap: String,
    ending: AtomicBool,
    written: AtomicU64,
    read: AtomicU64,
    started_again: AtomicU64,
    children: Mutex<Vec<Child>>,
}

/// The running workload.
pub(super) struct Workload {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// How often processes may be started again.
    starts_again_max: u64,
}

impl Workload {
    /// Starts a writer and a reader for each (topic, partitions, records a second). Where brokers
    /// die on purpose, `hardened` ones go on.
    pub(super) fn start(
        programs: &Programs,
        bootstrap: &str,
        topics: &'static [(&str, u32, u32)],
        hardened: bool,
    ) -> Result<Self> {
        words()?;
        let ctl = Tool::Ctl(programs.ctl.clone());
        let shared = Arc::new(Shared {
            tool: find("kcat").filter(|_| hardened).map_or(ctl, Tool::Kcat),
            bootstrap: bootstrap.to_owned(),
            ending: AtomicBool::new(false),
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            started_again: AtomicU64::new(0),
            children: Mutex::default(),
        });
        let mut threads = Vec::new();
        for (topic, _, rate) in topics {
            let burst = rate.div_ceil(BURSTS_PER_SECOND);
            let (writer, reader) = (Arc::clone(&shared), Arc::clone(&shared));
            threads.push(thread::spawn(move || writer.again(|| writer.write(topic, burst))));
            let mut first = true;
            threads.push(thread::spawn(move || {
                reader.again(|| reader.read(topic, std::mem::take(&mut first)));
            }));
        }
        let starts_again_max = if hardened { STARTS_AGAIN_MAX } else { 0 };
        Ok(Self { shared, threads, starts_again_max })
    }

    /// Records written and read so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.shared.written), load(&self.shared.read))
    }

    /// Fails when processes of the workload end too often.
    pub(super) fn verify(&self) -> Result<()> {
        let count = self.shared.started_again.load(Ordering::Relaxed);
        let words = words_file();
        ensure!(
            count <= self.starts_again_max,
            "processes of the workload ended {count} times; their last words are in {}",
            words.display()
        );
        Ok(())
    }

    /// Ends all of it; records written and read.
    pub(super) fn stop(mut self) -> (u64, u64) {
        self.end();
        self.counts()
    }

    fn end(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            while !thread.is_finished() {
                self.shared.kill_all();
                clock::pause(BURST_EVERY);
            }
            drop(thread.join());
        }
        self.shared.kill_all();
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Does it until all ends; each time but the first is counted.
    fn again(&self, mut work: impl FnMut() -> Result<()>) {
        while !self.is_ending() {
            if let Err(fault) = work()
                && let Ok(mut words) = words()
            {
                drop(writeln!(words, "{fault:#}"));
            }
            if !self.is_ending() {
                self.started_again.fetch_add(1, Ordering::Relaxed);
                clock::pause(START_AGAIN);
            }
        }
    }

    fn keep(&self, child: Child) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        children.push(child);
    }

    fn kill_all(&self) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        for mut child in children.drain(..) {
            // One that has ended already needs no killing.
            drop(child.kill());
            drop(child.wait());
        }
    }

    fn read(&self, topic: &str, first: bool) -> Result<()> {
        let mut reader = spawn(self.tool.reader(&self.bootstrap, topic, first))?;
        let lines = reader.stdout.take().context("a reader without stdout")?;
        self.keep(reader);
        for line in BufReader::new(lines).split(b'\n') {
            line?;
            self.read.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn write(&self, topic: &str, burst: u32) -> Result<()> {
        let mut writer = spawn(self.tool.writer(&self.bootstrap, topic))?;
        let mut stdin = writer.stdin.take().context("a writer without stdin")?;
        self.keep(writer);
        let mut number = 0_u64;
        while !self.is_ending() {
            let mut lines = String::new();
            for _ in 0..burst {
                number += 1;
                lines += &json!({ "topic": topic, "number": number }).to_string();
                lines.push('\n');
            }
            stdin.write_all(lines.as_bytes()).and_then(|()| stdin.flush())?;
            self.written.fetch_add(u64::from(burst), Ordering::Relaxed);
            clock::pause(BURST_EVERY);
        }
        Ok(())
    }
}

fn spawn(mut command: Command) -> Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(words()?);
    command.spawn().with_context(|| format!("cannot start {}", shown(&command)))
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
