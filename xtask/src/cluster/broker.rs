//! One broker of a local cluster: its process, its files and whether it is ready.

use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::http;
use super::process::Started;
use super::{Roles, Stopped, directory};
use crate::clock::poll_until;

/// How many lines of a broker's log an error quotes.
const LOG_LINES_QUOTED: usize = 12;

/// What a broker is started with.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: u32,
    pub(super) address: SocketAddr,
    pub(super) rack: Option<String>,
    pub(super) data_dir: PathBuf,
    pub(super) config: PathBuf,
    pub(super) program: PathBuf,
    /// Brokers that were there before it, where it reaches them; none for the first.
    pub(super) join: Vec<String>,
    /// Where it reaches others, when not where they listen.
    pub(super) peers: Vec<(u32, SocketAddr)>,
}

impl Seat {
    /// Its TOML: what a local cluster needs, then what else was asked for.
    pub(super) fn configuration(&self, settings: &[(String, String)]) -> String {
        let mut lines = vec![
            format!("\"node.id\" = {}", self.id),
            format!("\"listen\" = \"{}\"", self.address),
            format!("\"data.dir\" = {:?}", self.data_dir.display().to_string()),
        ];
        lines.extend(self.rack.iter().map(|rack| format!("\"broker.rack\" = {rack:?}")));
        if !self.join.is_empty() {
            lines.push(format!("\"join\" = \"{}\"", self.join.join(",")));
        }
        if !self.peers.is_empty() {
            let peers = self.peers.iter().map(|(id, address)| format!("{id}={address}"));
            lines.push(format!("\"peer.addresses\" = \"{}\"", peers.collect::<Vec<_>>().join(",")));
        }
        lines.extend(settings.iter().map(|(key, value)| format!("\"{key}\" = {value}")));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// One broker as the cluster's file holds it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BrokerState {
    pub(crate) id: u32,
    pub(crate) address: String,
    pub(crate) data_dir: PathBuf,
    #[serde(default)]
    pub(crate) rack: Option<String>,
    program: PathBuf,
    config: PathBuf,
    process: Option<Started>,
}

/// Whether a broker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It answers `/readyz`.
    Ready,
    /// It runs and is not ready, yet or any more.
    Running,
    /// It is held by SIGSTOP.
    Paused,
    /// There is no such process.
    Stopped,
}

impl Standing {
    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

impl BrokerState {
    pub(super) fn stopped(seat: Seat) -> Self {
        let Seat { id, data_dir, rack, program, config, .. } = seat;
        let address = seat.address.to_string();
        Self { id, address, data_dir, rack, program, config, process: None }
    }

    /// The binary that it runs.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Whether it has never been started on its directory.
    pub(super) fn is_fresh(&self) -> bool {
        !self.data_dir.join("meta").exists()
    }

    /// The port of all its doors.
    pub(crate) fn port(&self) -> u16 {
        self.socket().map_or(0, |it| it.port())
    }

    fn socket(&self) -> Result<SocketAddr> {
        self.address.parse().with_context(|| format!("{} is no address", self.address))
    }

    /// Its process, if it still is the one that we started.
    pub(crate) fn process(&self) -> Option<Started> {
        self.process.filter(Started::is_alive)
    }

    /// Whether it runs, asked now.
    pub(crate) fn standing(&self) -> Standing {
        match self.process() {
            None => Standing::Stopped,
            Some(process) if process.is_held() => Standing::Paused,
            Some(_) if self.is_ready() => Standing::Ready,
            Some(_) => Standing::Running,
        }
    }

    fn is_ready(&self) -> bool {
        self.socket().is_ok_and(|address| http::get(address, "/readyz").is_ok_and(|it| it.ok))
    }

    /// The text of one of its HTTP pages.
    pub(crate) fn page(&self, path: &str) -> Result<String> {
        let answer = http::get(self.socket()?, path)?;
        ensure!(answer.ok, "broker {} answered no page at {path}", self.id);
        Ok(answer.body)
    }

    /// Of how many voters it counts a majority of the quorum, if it tells.
    pub(super) fn voters_known(&self) -> Option<usize> {
        let page = self.page("/metrics").ok()?;
        page.lines().find_map(|line| line.strip_prefix("kq_quorum_voters "))?.trim().parse().ok()
    }

    /// Where its output goes.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.config.with_file_name("broker.log")
    }

    /// Starts its process, in a group of its own so that a Ctrl-C here does not reach it.
    pub(crate) fn start(&mut self, cluster: &str) -> Result<()> {
        let log = self.log_file();
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            // A variable of the caller would win over the file.
            if name.as_encoded_bytes().starts_with(b"KQ_") {
                command.env_remove(name);
            }
        }
        let child = command
            .arg("--config")
            .arg(&self.config)
            .current_dir(directory(cluster))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let process = Started::of(child.id()).with_context(|| {
            format!("broker {} is gone already; {}", self.id, self.last_words())
        })?;
        fs::write(self.config.with_file_name("broker.pid"), format!("{}\n", process.pid))?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until `/readyz` says so, the process ends or the time is up.
    pub(crate) fn wait_ready(&self, limit: Duration) -> Result<()> {
        let end = poll_until(limit, || match self.standing() {
            Standing::Ready => Some(true),
            Standing::Stopped => Some(false),
            Standing::Running | Standing::Paused => None,
        });
        match end {
            Some(true) => Ok(()),
            Some(false) => bail!("broker {} ended; {}", self.id, self.last_words()),
            None => bail!(
                "broker {} is not ready after {} s; {}",
                self.id,
                limit.as_secs(),
                self.last_words()
            ),
        }
    }

    /// Sends a signal to its process, if it runs.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process().with_context(|| format!("broker {} is stopped", self.id))?;
        process.signal(signal)
    }

    /// Ends it with SIGKILL and waits until it is gone.
    pub(crate) fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)?;
        let gone = poll_until(Duration::from_secs(10), || self.process().is_none().then_some(()));
        gone.with_context(|| format!("broker {} outlives SIGKILL", self.id))
    }

    /// Sends it SIGTERM if it runs, and lets it run if it is held.
    pub(super) fn ask_to_stop(&self) -> Result<()> {
        let Some(process) = self.process() else { return Ok(()) };
        // The order matters: the one that is held takes both when it goes on.
        process.signal(Signal::TERM)?;
        if process.is_held() {
            process.signal(Signal::CONT)?;
        }
        Ok(())
    }

    /// Ends it with SIGTERM, and with SIGKILL when that does not help.
    pub(crate) fn stop(&self, limit: Duration) -> Result<Stopped> {
        self.ask_to_stop()?;
        self.wait_stopped(limit)
    }

    /// Waits for its end, and brings it about when it does not come.
    pub(super) fn wait_stopped(&self, limit: Duration) -> Result<Stopped> {
        let Some(process) = self.process() else {
            return Ok(Stopped::Itself);
        };
        if poll_until(limit, || (!process.is_alive()).then_some(())).is_some() {
            return Ok(Stopped::Itself);
        }
        self.kill()?;
        Ok(Stopped::Killed)
    }

    /// The end of its log, for an error message.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log_file();
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LOG_LINES_QUOTED)..).unwrap_or_default();
        format!("the end of {}:\n{}", log.display(), last.join("\n"))
    }

    pub(super) fn to_json(&self, roles: &Roles) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "pid": self.process().map(|it| it.pid),
            "address": self.address,
            "data_dir": self.data_dir,
            "state": self.standing().word(),
            "rack": self.rack,
            "quorum": roles.in_quorum(self.id),
            "leader_count": roles.leads(self.id),
            "network": roles.network(self.id),
        })
    }
}
