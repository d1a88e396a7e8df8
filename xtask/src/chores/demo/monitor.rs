//! kq-tui before the demo's cluster, on the terminal that the demo was started on.

use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};

use rustix::process::Signal;

use super::Ctl;
use crate::cluster::Started;

/// The running monitor.
pub(super) struct Monitor {
    child: Child,
}

impl Monitor {
    /// Starts it; the terminal is its own from then on.
    pub(super) fn start(ctl: &Ctl) -> Result<Self> {
        let mut command = Command::new(&ctl.programs.tui);
        command.args(["--brokers", &ctl.bootstrap]);
        let child = command.spawn().context("cannot start kq-tui")?;
        Ok(Self { child })
    }

    /// Whether whoever watched has left.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Has it give the terminal back, if it did not yet, and tells whether it ended well.
    pub(super) fn stop(mut self) -> Result<()> {
        let runs = Started::of(self.child.id()).filter(Started::is_alive);
        let asked = runs.is_some();
        if let Some(process) = runs {
            process.signal(Signal::TERM)?;
        }
        let status = self.child.wait().context("cannot wait for kq-tui")?;
        ensure!(asked || status.success(), "kq-tui ended with {status}");
        Ok(())
    }
}
