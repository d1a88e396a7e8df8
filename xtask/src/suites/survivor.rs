//! A producer in a process of its own that goes on while its broker is killed, and then checks
//! that all it was promised is there (`tests/clients/survivor.py`).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::script;
use crate::clock;

/// How long nothing may be acknowledged; a broker is back in far less.
const STALL_MAX: Duration = Duration::from_mins(1);

/// How long reading everything back may take.
const VERIFY_MAX: Duration = Duration::from_mins(5);

/// The running producer.
pub(super) struct Survivor {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    acked: u64,
}

impl Survivor {
    /// Starts it on a topic that it creates, with one replica.
    pub(super) fn start(
        python: &Path,
        bootstrap: &str,
        topic: &str,
        partitions: u32,
    ) -> Result<Self> {
        Self::run(python, &[bootstrap, topic, &partitions.to_string()])
    }

    /// Starts it on a topic that exists and is empty.
    pub(super) fn start_on(
        python: &Path,
        bootstrap: &str,
        topic: &str,
        partitions: u32,
    ) -> Result<Self> {
        Self::run(python, &[bootstrap, topic, &partitions.to_string(), "exists"])
    }

    fn run(python: &Path, args: &[&str]) -> Result<Self> {
        let mut child = Command::new(python)
            .arg(script("survivor.py"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let stdout = child.stdout.take().context("a producer without stdout")?;
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, lines, acked: 0 })
    }

    /// Waits until `more` records were acknowledged since the last call.
    pub(super) fn wait_acked(&mut self, more: u64) -> Result<()> {
        let goal = self.acked + more;
        let deadline = clock::now() + STALL_MAX;
        while self.acked < goal {
            let left = deadline.saturating_duration_since(clock::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} acknowledged, no {goal} in {} s", self.acked, STALL_MAX.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the producer ended early"),
            };
            match line.parse() {
                Ok(acked) => self.acked = acked,
                Err(_) => bail!("the producer says: {line}"),
            }
        }
        Ok(())
    }

    /// Lets it finish and verify; its verdict in words.
    pub(super) fn finish(mut self) -> Result<String> {
        drop(self.stdin.take());
        let deadline = clock::now() + VERIFY_MAX;
        let mut last = String::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(clock::now())) {
                Ok(line) => last = line,
                Err(RecvTimeoutError::Timeout) => bail!("no verdict in {} s", VERIFY_MAX.as_secs()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.child.wait()?;
        match last.strip_prefix("ok ") {
            Some(figures) if status.success() => Ok(figures.to_owned()),
            _ => bail!("{last} ({status})"),
        }
    }
}

impl Drop for Survivor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
