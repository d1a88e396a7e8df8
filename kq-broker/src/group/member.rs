//! One member of a classic group.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{InstanceId, JoinGroup, MemberId, Protocol, ReplyTo};

/// What the coordinator knows of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) instance: Option<InstanceId>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    /// Best first.
    pub(crate) protocols: Vec<Protocol>,
    /// As the leader wrote it; empty between generations.
    pub(crate) assignment: Bytes,
    /// The join that waits for the generation to form.
    pub(crate) waiting_join: Option<ReplyTo>,
    /// The sync that waits for the leader's assignment.
    pub(crate) waiting_sync: Option<ReplyTo>,
    /// When it is taken for dead, unless it is heard of before. Members that wait for the
    /// coordinator's own answer never die of it.
    pub(crate) session_deadline: Duration,
}

impl Member {
    /// A member as its first join describes it.
    pub(crate) fn new(id: MemberId, join: &JoinGroup, now: Duration) -> Self {
        Self {
            id,
            instance: join.instance.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            protocols: join.protocols.clone(),
            assignment: Bytes::new(),
            waiting_join: None,
            waiting_sync: None,
            session_deadline: now + join.session_timeout,
        }
    }

    /// Takes over what a repeated join says.
    pub(crate) fn update(&mut self, join: &JoinGroup) {
        self.protocols.clone_from(&join.protocols);
        self.session_timeout = join.session_timeout;
        self.rebalance_timeout = join.rebalance_timeout;
        self.client_id = join.client_id.clone();
        self.client_host = join.client_host.clone();
    }

    /// The member was heard of.
    pub(crate) fn touch(&mut self, now: Duration) {
        self.session_deadline = now + self.session_timeout;
    }

    /// Whether it waits for an answer of the coordinator, and so cannot speak.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting_join.is_some() || self.waiting_sync.is_some()
    }

    /// Whether the member was silent for too long.
    pub(crate) fn is_expired(&self, now: Duration) -> bool {
        !self.is_waiting() && self.session_deadline <= now
    }

    /// Its metadata for one protocol; empty when it does not support it.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|it| &*it.name == protocol);
        found.map(|it| it.metadata.clone()).unwrap_or_default()
    }

    /// The names of the protocols that it supports.
    pub(crate) fn protocol_names(&self) -> BTreeSet<&str> {
        self.protocols.iter().map(|it| &*it.name).collect()
    }

    /// Its vote: the first of its protocols that is among `candidates`.
    pub(crate) fn vote<'a>(&self, candidates: &BTreeSet<&'a str>) -> Option<&'a str> {
        self.protocols.iter().find_map(|it| candidates.get(&*it.name).copied())
    }
}
