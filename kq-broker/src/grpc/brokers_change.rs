//! Brokers that are to leave, or to stay after all: cordoned, uncordoned, unregistered.

use std::time::Duration;

use kq_proto::admin::v1;

use super::Admin;
use super::answer::is_dry_run;
use super::error::of_control;
use crate::controller::Command;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;
use crate::raft::QuorumChange;

/// What became of each broker.
type Changes = (Vec<v1::BrokerChange>, Vec<v1::ItemError>);

/// How a command is made for one broker, and how to tell that it has nothing to do.
pub(super) struct Change<'a> {
    pub(super) command: &'a (dyn Fn(BrokerId, bool) -> Command + Send + Sync),
    pub(super) stands: &'a (dyn Fn(&MetadataImage, BrokerId) -> bool + Send + Sync),
}

/// How long it may take until who is unregistered is no member of the quorum any more.
const FORGET_WAIT: Duration = Duration::from_secs(10);

impl Admin {
    /// The quorum waits no longer for a broker that is unregistered.
    pub(super) async fn forget_member(
        &self,
        broker: u32,
        intent: Option<&v1::Intent>,
    ) -> Result<(), v1::ItemError> {
        let reason = intent.map_or("", |it| it.reason.as_str());
        let forget = QuorumChange::Forget(BrokerId(broker));
        let done = self.node.controller.change_quorum(forget, reason, FORGET_WAIT).await;
        done.map_err(|err| {
            let mut error = of_control(&err);
            error.message = format!("it is unregistered, but stays in the quorum: {}", err.message);
            error.into_item(format!("broker {broker}"))
        })
    }

    /// Carries a change out for one broker after the other; each stands or falls on its own.
    pub(super) async fn change_brokers(
        &self,
        brokers: &[u32],
        intent: Option<&v1::Intent>,
        change: Change<'_>,
    ) -> Changes {
        let (mut done, mut errors) = (Vec::new(), Vec::new());
        for id in brokers {
            let stood = (change.stands)(&self.node.image(), BrokerId(*id));
            let command = (change.command)(BrokerId(*id), is_dry_run(intent));
            match self.try_submit(intent, command).await {
                Ok(_) => done.push(v1::BrokerChange { broker: *id, changed: !stood }),
                Err(err) => errors.push(of_control(&err).into_item(format!("broker {id}"))),
            }
        }
        (done, errors)
    }
}
