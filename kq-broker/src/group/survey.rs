//! What operators ask about a group, beyond what Kafka's own requests tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Epoch, GroupId, GroupType, InstanceId, KindState, MemberId};

/// A group as an operator's list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSurvey {
    /// The group.
    pub group: GroupId,
    /// Which protocol it speaks.
    pub group_type: GroupType,
    /// Where it stands.
    pub state: KindState,
    /// When it came to that, in milliseconds since 1970.
    pub state_since_ms: i64,
    /// `consumer`, `connect`, ... or nothing where the group never had members.
    pub protocol_type: Option<Arc<str>>,
    /// The chosen assignment strategy.
    pub protocol: Option<Arc<str>>,
    /// The current generation; of a consumer group, its epoch.
    pub generation: i32,
    /// How many members it has.
    pub member_count: usize,
    /// What it has committed, is subscribed to or is assigned.
    pub topics: BTreeSet<Arc<str>>,
    /// How many partitions it has committed offsets of.
    pub offset_count: usize,
    /// The time of the newest of its commits, in milliseconds since 1970.
    pub last_commit_at_ms: Option<i64>,
}

/// A member as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSurvey {
    /// Who.
    pub member: MemberId,
    /// Set for static members.
    pub instance: Option<InstanceId>,
    /// Its client id.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub client_host: Arc<str>,
    /// Its share by topic, in the order of their names; empty while there is none, and for members
    /// whose assignment is not of the consumer protocol.
    pub assigned: Vec<(Arc<str>, Vec<i32>)>,
    /// In the same order, what was its own and is not given back yet; only in a consumer group.
    pub revoking: Vec<(Arc<str>, Vec<i32>)>,
    /// Where it stands; only in a consumer group.
    pub epoch: Option<Epoch>,
    /// The topics that it names, and those that its pattern matches.
    pub subscribed: BTreeSet<Arc<str>>,
    /// Its pattern of topics; only in a consumer group.
    pub pattern: Option<Arc<str>>,
    /// Where it says that it runs.
    pub rack: Option<Arc<str>>,
    /// How long it may be silent.
    pub session_timeout: Duration,
    /// How long the others wait for it to join a new generation.
    pub rebalance_timeout: Duration,
    /// For how long it has been silent; nothing while it waits for an answer.
    pub silent_for: Duration,
    /// Whether it computes the assignment.
    pub leads: bool,
    /// Whether it waits for the next generation; in a consumer group, whether it is on its way to its
    /// share.
    pub joining: bool,
}
