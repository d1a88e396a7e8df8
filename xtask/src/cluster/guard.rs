//! A cluster for the length of a test; taken down when dropped, data and all.

use anyhow::{Context, Result};

use super::{BrokerState, ClusterState, Keep, Plan, READY_WITHIN, down, up};
use crate::output;
use crate::programs::Programs;

/// The cluster; it outlives nothing that goes wrong.
#[derive(Debug)]
pub(crate) struct Guard(pub(crate) ClusterState);

impl Guard {
    /// Starts one on the remains of nothing.
    pub(crate) fn up(plan: &Plan, programs: &Programs) -> Result<Self> {
        if let Some(before) = ClusterState::find(&plan.name)? {
            down(&before, Keep::Nothing)?;
        }
        up(plan, programs).map(Self)
    }

    /// The only broker of a cluster of one.
    pub(crate) fn broker(&mut self) -> Result<&mut BrokerState> {
        self.0.brokers.first_mut().context("a cluster without brokers")
    }

    /// Starts the only broker again after it ended, and remembers its new process.
    pub(crate) fn restart(&mut self) -> Result<()> {
        let name = self.0.name.clone();
        let broker = self.broker()?;
        broker.start(&name)?;
        let ready = broker.wait_ready(READY_WITHIN);
        self.0.save()?;
        ready
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(fault) = down(&self.0, Keep::Nothing) {
            output::note(format_args!("cluster {} is not gone: {fault:#}", self.0.name));
        }
    }
}
