//! Brokers in committed changes.

use std::fmt::Write as _;
use std::sync::Arc;

use super::super::before::Was;
use super::super::event::{Detail, EventKind, Subject};
use super::super::image::{MetadataImage, TopicImage};
use super::super::record::{BrokerRegistration, TimestampMs, clip};
use super::super::roster::{BrokerImage, BrokerLoad, BrokerState, Cordon};
use super::{ApplyError, DETAIL_CHARS_MAX, Stamp};
use crate::canary;
use crate::ids::{BrokerEpoch, BrokerId, TopicId};

impl MetadataImage {
    pub(super) fn change_controller(
        &mut self,
        stamp: &Stamp,
        (broker, term): (BrokerId, u64),
        unled_since: Option<TimestampMs>,
    ) {
        let before = self.controller.replace((broker, term));
        self.record_before(stamp, Was::Controller(before));
        if let Some(since) = unled_since {
            self.record_before(stamp, Was::NoController(since));
        }
        let detail = match before {
            Some((id, _)) if id != broker => {
                format!("leads the quorum in place of broker {id}, term {term}")
            }
            Some((_, before)) => format!("leads the quorum anew, term {term} after {before}"),
            None => format!("leads the quorum, term {term}"),
        };
        let subject = Subject::Broker(broker);
        self.record_event(stamp, EventKind::ControllerChanged, subject, Detail::text(&detail));
    }

    /// The first time it is told who votes, nobody became a voter by it.
    pub(super) fn change_voters(&mut self, stamp: &Stamp, voters: &[BrokerId]) {
        let before = std::mem::replace(&mut self.voters, voters.into());
        if before.is_empty() {
            self.record_before(stamp, Was::NoVoters);
            return;
        }
        let added = voters.iter().filter(|id| !before.contains(id));
        let removed = before.iter().filter(|id| !voters.contains(id));
        let added = added.map(|id| (EventKind::VoterAdded, *id));
        for (kind, id) in added.chain(removed.map(|id| (EventKind::VoterRemoved, *id))) {
            let detail = Detail::of_brokers(&before, voters);
            self.record_event(stamp, kind, Subject::Broker(id), detail);
        }
    }

    pub(super) fn transfer_quorum(&mut self, stamp: &Stamp, from: BrokerId, to: BrokerId) {
        let detail = Detail::text(&format!("leads the quorum now, after broker {from}"));
        self.record_event(stamp, EventKind::QuorumTransferred, Subject::Broker(to), detail);
    }

    pub(super) fn register(&mut self, stamp: &Stamp, it: &BrokerRegistration) {
        let image = BrokerImage {
            id: it.broker,
            incarnation: it.incarnation,
            epoch: BrokerEpoch(stamp.index),
            registered_at: stamp.time,
            directory: it.directory,
            endpoints: it.endpoints.clone(),
            rack: it.rack.clone(),
            version: it.version.clone(),
            resumed_cleanly: it.resumed_cleanly,
            state: BrokerState::Active,
            state_since: stamp.time,
            state_reason: stamp.reason.clone(),
            cordon: self.brokers.get(&it.broker).and_then(|known| known.cordon.clone()),
        };
        let before = self.brokers.get(&it.broker).cloned();
        self.record_before(stamp, Was::Broker(it.broker, before));
        let came_back = !it.resumed_cleanly && self.brokers.contains_key(&it.broker);
        if came_back && !canary::is("epoch_kept_after_crash") {
            self.record_before(stamp, Was::EpochsRaised(it.broker));
            self.raise_leader_epochs(it.broker);
        }
        let mut detail = format!("version {}", it.version);
        for endpoint in &it.endpoints {
            let _ = write!(detail, ", {} {}:{}", endpoint.listener, endpoint.host, endpoint.port);
        }
        self.brokers.insert(it.broker, Arc::new(image));
        let subject = Subject::Broker(it.broker);
        let detail = Detail::text(&clip(&detail, DETAIL_CHARS_MAX));
        self.record_event(stamp, EventKind::BrokerRegistered, subject, detail);
    }

    /// A leader that lost an unsynced tail writes those offsets again: under a new epoch, so that
    /// readers and followers can tell the two apart.
    fn raise_leader_epochs(&mut self, broker: BrokerId) {
        let leads =
            |topic: &TopicImage| topic.partitions.iter().any(|it| it.leader == Some(broker));
        let led: Vec<TopicId> =
            self.topics.values().filter(|it| leads(it)).map(|it| it.id).collect();
        for id in led {
            let Some(topic) = self.topics.get_mut(&id) else { continue };
            for partition in &mut Arc::make_mut(topic).partitions {
                if partition.leader == Some(broker) {
                    let partition = Arc::make_mut(partition);
                    partition.leader_epoch.0 = partition.leader_epoch.0.saturating_add(1);
                    partition.partition_epoch = partition.partition_epoch.next();
                }
            }
        }
    }

    pub(super) fn change_state(
        &mut self,
        stamp: &Stamp,
        id: BrokerId,
        state: BrokerState,
    ) -> Result<(), ApplyError> {
        let before = self.brokers.get(&id).cloned().ok_or(ApplyError::UnknownBroker(id))?;
        if before.state == state {
            return Ok(());
        }
        self.record_before(stamp, Was::Broker(id, Some(before.clone())));
        let broker = Arc::make_mut(self.brokers.entry(id).or_insert(before));
        broker.state = state;
        broker.state_since = stamp.time;
        broker.state_reason = stamp.reason.clone();
        let kind = match state {
            BrokerState::Active => EventKind::BrokerRegistered,
            BrokerState::Stopping => EventKind::BrokerStopping,
            BrokerState::Fenced => EventKind::BrokerFenced,
        };
        self.record_event(stamp, kind, Subject::Broker(id), Detail::None);
        Ok(())
    }

    pub(super) fn cordon(
        &mut self,
        stamp: &Stamp,
        id: BrokerId,
        decommission: Option<bool>,
    ) -> Result<(), ApplyError> {
        let before = self.brokers.get(&id).cloned().ok_or(ApplyError::UnknownBroker(id))?;
        self.record_before(stamp, Was::Broker(id, Some(before.clone())));
        let (since, reason) = (stamp.time, stamp.reason.clone());
        Arc::make_mut(self.brokers.entry(id).or_insert(before)).cordon =
            decommission.map(|decommission| Cordon { since, reason, decommission });
        let (kind, detail) = match decommission {
            Some(true) => (EventKind::BrokerCordoned, "to be decommissioned"),
            Some(false) => (EventKind::BrokerCordoned, ""),
            None => (EventKind::BrokerUncordoned, ""),
        };
        self.record_event(stamp, kind, Subject::Broker(id), Detail::text(detail));
        Ok(())
    }

    pub(super) fn unregister(&mut self, stamp: &Stamp, id: BrokerId) -> Result<(), ApplyError> {
        if self.broker_load(id) != BrokerLoad::default() {
            return Err(ApplyError::BrokerInUse(id));
        }
        let before = self.brokers.remove(&id).ok_or(ApplyError::UnknownBroker(id))?;
        self.record_before(stamp, Was::Broker(id, Some(before)));
        self.broker_configs.remove(&id);
        self.record_event(stamp, EventKind::BrokerUnregistered, Subject::Broker(id), Detail::None);
        Ok(())
    }
}
