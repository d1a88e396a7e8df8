//! A consumer of the classic protocol: it joins, assigns if it leads, and gives everything back
//! before it joins anew.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use kq_broker::group::{
    GroupError, Heartbeat, Input, JoinGroup, Joined, LeaveGroup, LeavingMember, MemberId, Protocol,
    Reply, SyncGroup, Synced,
};

use super::super::requests::Body;
use super::super::wire::{assign, assigned, subscription};
use super::{Client, NOBODY_YET};

/// What a member is about to ask.
#[derive(Debug, Clone, Default)]
enum Phase {
    #[default]
    Join,
    Sync(Vec<(MemberId, Bytes)>),
    Fetch,
    Work,
}

#[derive(Debug, Default)]
pub(super) struct Member {
    id: Option<MemberId>,
    generation: Option<i32>,
    assigned: BTreeSet<i32>,
    phase: Phase,
}

impl Member {
    pub(super) fn id(&self) -> Option<&MemberId> {
        self.id.as_ref()
    }

    pub(super) fn generation(&self) -> i32 {
        self.generation.unwrap_or(-1)
    }

    pub(super) fn assigned(&self) -> &BTreeSet<i32> {
        &self.assigned
    }

    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Work)
    }

    /// What it asks before it works.
    pub(super) fn question(&self, of: &Client, name: &str) -> Option<Body> {
        match &self.phase {
            Phase::Join => Some(self.join(of, name)),
            Phase::Sync(shares) => Some(Body::Step(Input::Sync(SyncGroup {
                caller: of.caller(),
                protocol_type: None,
                protocol: None,
                assignments: shares.clone(),
                reply: NOBODY_YET,
            }))),
            Phase::Fetch => {
                Some(Body::Fetch { group: of.group.clone(), member: "".into(), epoch: -1 })
            }
            Phase::Work => None,
        }
    }

    fn join(&self, of: &Client, name: &str) -> Body {
        let protocol = Protocol { name: "range".into(), metadata: subscription() };
        Body::Step(Input::Join(JoinGroup {
            group: of.group.clone(),
            member: self.id.clone(),
            instance: of.instance.clone(),
            fresh_member: MemberId::from(name),
            needs_known_member: of.instance.is_none(),
            can_skip_assignment: true,
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout: Duration::from_secs(6),
            rebalance_timeout: Duration::from_secs(5),
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            reply: NOBODY_YET,
        }))
    }

    pub(super) fn heartbeat(of: &Client) -> Body {
        Body::Step(Input::Heartbeat(Heartbeat { caller: of.caller(), reply: NOBODY_YET }))
    }

    pub(super) fn farewell(&self, of: &Client) -> Body {
        let member = self.id.clone().unwrap_or_else(|| "".into());
        let members = vec![LeavingMember { member, instance: of.instance.clone() }];
        let group = of.group.clone();
        Body::Step(Input::Leave(LeaveGroup { group, members, reply: NOBODY_YET }))
    }

    /// It knows where to begin in these.
    pub(super) fn on_fetched(&mut self) -> BTreeSet<i32> {
        self.phase = Phase::Work;
        self.assigned.clone()
    }

    fn on_joined(&mut self, joined: Joined) {
        let shares = if joined.skip_assignment { Vec::new() } else { assign(&joined.members) };
        self.id = Some(joined.member);
        self.generation = Some(joined.generation);
        self.phase = Phase::Sync(shares);
    }

    fn on_synced(&mut self, synced: &Synced) {
        self.assigned = assigned(&synced.assignment);
        self.phase = Phase::Fetch;
    }

    /// False when the process is to end.
    fn on_error(&mut self, error: &GroupError) -> bool {
        // Of what cannot be written now nothing is known: it asks again.
        if *error == GroupError::NotAvailable {
            return true;
        }
        self.assigned.clear();
        self.phase = Phase::Join;
        if *error == GroupError::UnknownMember {
            self.id = None;
        }
        *error != GroupError::FencedInstance
    }

    /// False when the process is to end.
    pub(super) fn on_reply(&mut self, reply: Reply) -> bool {
        match reply {
            Reply::Joined(joined) => self.on_joined(joined),
            Reply::JoinRefused { error: GroupError::MemberIdRequired, member } => {
                self.id = member;
            }
            Reply::Synced(Ok(synced)) => self.on_synced(&synced),
            Reply::JoinRefused { error, .. }
            | Reply::Synced(Err(error))
            | Reply::Heartbeat(Err(error))
            | Reply::OffsetsRefused(error) => return self.on_error(&error),
            Reply::Offsets(results) => {
                if let Some(error) = results.into_iter().find_map(|(_, it)| it.err()) {
                    return self.on_error(&error);
                }
            }
            Reply::Heartbeat(Ok(()))
            | Reply::Left(_)
            | Reply::GroupDeleted(_)
            | Reply::ConsumerBeat(_)
            | Reply::Reset(_)
            | Reply::Operated(_)
            | Reply::Settled => {}
        }
        true
    }
}
