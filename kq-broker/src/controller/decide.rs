//! The one entry: command in, records and reply out.

use std::borrow::Cow;

use uuid::Uuid;

use super::command::{Command, Reply};
use super::error::ControlError;
use super::leaders::{self, Settled};
use super::{
    balance, broker, configs, features, groups, isr, leader_policy, partitions, plan, quorum,
    replicas, topics,
};
use crate::canary;
use crate::catalogue::StaticConfig;
use crate::ids::{BrokerEpoch, TopicId};
use crate::metadata::{ApplyError, Change, MetadataImage, MetadataRecord, TimestampMs};
use kq_proto::kafka::ErrorCode;

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is to be committed; nothing when the command only asked, or changes nothing.
    pub records: Vec<MetadataRecord>,
    /// What is answered once it is.
    pub reply: Reply,
}

/// Bounds on everything that a command can make grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Partitions that one command may add.
    pub command_partitions_max: u32,
    /// Partitions of all topics together.
    pub cluster_partitions_max: u64,
    /// Topics or other items of one command.
    pub command_items_max: usize,
    /// Bytes of one configuration value.
    pub config_value_bytes_max: usize,
    /// Producer ids of one block.
    pub producer_id_block: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_partitions_max: kq_proto::admin::PARTITIONS_ADDED_MAX,
            cluster_partitions_max: 1_000_000,
            command_items_max: 10_000,
            config_value_bytes_max: 16 * 1_024,
            producer_id_block: 1_000,
        }
    }
}

/// What a controller goes by that is not in the image.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The values it was started with.
    pub fixed: StaticConfig,
    /// The bounds.
    pub limits: Limits,
}

/// What changes from one command to the next: the clock, and where fresh ids come from.
pub struct Turn<'a> {
    /// Now.
    pub now: TimestampMs,
    /// Draws an id that nobody has.
    pub ids: &'a mut (dyn FnMut() -> Uuid + Send),
}

/// Decides one command against one image.
pub fn decide(
    image: &MetadataImage,
    command: &Command,
    settings: &Settings,
    turn: &mut Turn<'_>,
) -> Result<Decision, ControlError> {
    verify_items(command, settings.limits.command_items_max)?;
    let mut draft = Draft::new(image, settings, turn);
    let reply = carry_out(&mut draft, command)?;
    plan::advance(&mut draft)?;
    let records = if command.validate_only() { Vec::new() } else { draft.records };
    Ok(Decision { records, reply })
}

fn carry_out(draft: &mut Draft<'_, '_>, command: &Command) -> Result<Reply, ControlError> {
    Ok(match command {
        Command::RegisterBroker(it) => broker::register(draft, it)?,
        Command::FenceBroker { broker, epoch, .. } => broker::fence(draft, *broker, *epoch)?,
        Command::TakeLead { broker, term, unled } => {
            broker::take_lead(draft, (*broker, *term), *unled)?
        }
        Command::NoteQuorum(it) => quorum::note(draft, it)?,
        Command::NoteGroups(all) => groups::note(draft, all)?,
        Command::BeginShutdown { broker, epoch } => broker::begin_shutdown(draft, *broker, *epoch)?,
        Command::CordonBroker { broker, decommission, .. } => {
            broker::cordon(draft, *broker, *decommission)?
        }
        Command::UncordonBroker { broker, .. } => broker::uncordon(draft, *broker)?,
        Command::UnregisterBroker { broker, .. } => broker::unregister(draft, *broker)?,
        Command::CreateTopics { topics, .. } => topics::create(draft, topics),
        Command::DeleteTopics { topics, keep_for_ms, .. } => {
            topics::delete(draft, topics, *keep_for_ms)
        }
        Command::RestoreTopics { topics, .. } => topics::restore(draft, topics),
        Command::PurgeTopics { topics, .. } => topics::purge(draft, topics),
        Command::ProtectTopics { topics, protected, .. } => {
            topics::protect(draft, topics, *protected)
        }
        Command::CreatePartitions { topics, .. } => partitions::create(draft, topics),
        Command::AlterConfigs { resources, .. } => configs::replace(draft, resources),
        Command::IncrementalAlterConfigs { resources, .. } => configs::alter(draft, resources),
        Command::AllocateProducerIds { broker, epoch } => {
            broker::allocate_producer_ids(draft, *broker, *epoch)?
        }
        Command::AlterPartitions { broker, epoch, partitions } => {
            isr::alter(draft, (*broker, *epoch), partitions)?
        }
        Command::FailReplicas { broker, epoch, partitions } => {
            replicas::fail(draft, (*broker, *epoch), partitions)?
        }
        Command::GiveUpLead { broker, epoch, partitions } => {
            replicas::give_up_lead(draft, (*broker, *epoch), partitions)?
        }
        Command::ReportLosses { broker, epoch, losses } => {
            replicas::note_losses(draft, (*broker, *epoch), losses)?
        }
        Command::CompleteHandover { broker, epoch, handovers } => {
            leaders::settle_handovers(draft, (*broker, *epoch), handovers, Settled::Complete)?
        }
        Command::CancelHandover { broker, epoch, handovers } => {
            leaders::settle_handovers(draft, (*broker, *epoch), handovers, Settled::Cancel)?
        }
        Command::ElectLeaders { kind, partitions, designate, .. } => {
            leaders::elect_asked(draft, *kind, partitions.as_deref(), *designate)?
        }
        Command::SetLeaderPolicy { targets, change, .. } => {
            leader_policy::set(draft, targets, change)?
        }
        Command::FreezeLeaders { targets, for_ms, .. } => {
            leader_policy::freeze(draft, targets, *for_ms)
        }
        Command::UnfreezeLeaders { targets, .. } => leader_policy::unfreeze(draft, targets),
        Command::StartPlan { order, .. } => plan::start(draft, order)?,
        Command::ChangePlan { plan, change, .. } => plan::change(draft, *plan, *change)?,
        Command::AlterReassignments { partitions, allow_factor_change } => {
            plan::reassign(draft, partitions, *allow_factor_change)?
        }
        Command::UpdateFeatures { updates, .. } => features::update(updates)?,
        Command::Tick => tick(draft)?,
    })
}

/// What the time that passed makes due.
fn tick(draft: &mut Draft<'_, '_>) -> Result<Reply, ControlError> {
    let purged = topics::purge_due(draft)?;
    balance::thaw(draft)?;
    let moved = balance::balance(draft)?;
    Ok(Reply::Ticked { purged, moved })
}

/// Refuses a command over so many items that deciding it would hold up all others.
fn verify_items(command: &Command, max: usize) -> Result<(), ControlError> {
    let items = match command {
        Command::CreateTopics { topics, .. } => topics.len(),
        Command::DeleteTopics { topics, .. }
        | Command::RestoreTopics { topics, .. }
        | Command::PurgeTopics { topics, .. }
        | Command::ProtectTopics { topics, .. } => topics.len(),
        Command::CreatePartitions { topics, .. } => topics.len(),
        Command::AlterConfigs { resources, .. } => resources.len(),
        Command::IncrementalAlterConfigs { resources, .. } => resources.len(),
        Command::ElectLeaders { partitions, .. } => partitions.as_ref().map_or(0, Vec::len),
        Command::SetLeaderPolicy { targets, .. }
        | Command::FreezeLeaders { targets, .. }
        | Command::UnfreezeLeaders { targets, .. } => targets.len(),
        Command::AlterReassignments { partitions, .. } => partitions.len(),
        Command::UpdateFeatures { updates, .. } => updates.len(),
        // A plan has a bound of its own.
        Command::StartPlan { .. }
        | Command::ChangePlan { .. }
        | Command::AlterPartitions { .. }
        | Command::FailReplicas { .. }
        | Command::GiveUpLead { .. }
        | Command::ReportLosses { .. }
        | Command::CompleteHandover { .. }
        | Command::CancelHandover { .. }
        | Command::RegisterBroker(_)
        | Command::FenceBroker { .. }
        | Command::TakeLead { .. }
        | Command::NoteQuorum(_)
        | Command::NoteGroups(_)
        | Command::BeginShutdown { .. }
        | Command::CordonBroker { .. }
        | Command::UncordonBroker { .. }
        | Command::UnregisterBroker { .. }
        | Command::AllocateProducerIds { .. }
        | Command::Tick => 0,
    };
    if items <= max {
        return Ok(());
    }
    let message = format!("{items} items in one request are more than {max} at a time");
    Err(ControlError::new(ErrorCode::PolicyViolation, message).hint("ask in several requests"))
}

impl Command {
    /// Whether it only asks what would happen.
    pub const fn validate_only(&self) -> bool {
        match self {
            Self::CordonBroker { validate_only, .. }
            | Self::UncordonBroker { validate_only, .. }
            | Self::UnregisterBroker { validate_only, .. }
            | Self::CreateTopics { validate_only, .. }
            | Self::DeleteTopics { validate_only, .. }
            | Self::RestoreTopics { validate_only, .. }
            | Self::PurgeTopics { validate_only, .. }
            | Self::ProtectTopics { validate_only, .. }
            | Self::CreatePartitions { validate_only, .. }
            | Self::AlterConfigs { validate_only, .. }
            | Self::IncrementalAlterConfigs { validate_only, .. }
            | Self::ElectLeaders { validate_only, .. }
            | Self::SetLeaderPolicy { validate_only, .. }
            | Self::FreezeLeaders { validate_only, .. }
            | Self::UnfreezeLeaders { validate_only, .. }
            | Self::StartPlan { validate_only, .. }
            | Self::UpdateFeatures { validate_only, .. }
            | Self::ChangePlan { validate_only, .. } => *validate_only,
            Self::RegisterBroker(_)
            | Self::AlterReassignments { .. }
            | Self::FenceBroker { .. }
            | Self::TakeLead { .. }
            | Self::NoteQuorum(_)
            | Self::NoteGroups(_)
            | Self::BeginShutdown { .. }
            | Self::AllocateProducerIds { .. }
            | Self::AlterPartitions { .. }
            | Self::FailReplicas { .. }
            | Self::GiveUpLead { .. }
            | Self::ReportLosses { .. }
            | Self::CompleteHandover { .. }
            | Self::CancelHandover { .. }
            | Self::Tick => false,
        }
    }

    /// Why it is sent, when the sender gives no reason.
    pub fn usual_reason(&self) -> Cow<'static, str> {
        match self {
            Self::RegisterBroker(it) => format!("broker {} started", it.broker).into(),
            Self::FenceBroker { broker, why, .. } => format!("broker {broker}: {why}").into(),
            Self::BeginShutdown { broker, .. } => format!("broker {broker} is to stop").into(),
            Self::TakeLead { .. } => "elected by the voters".into(),
            Self::NoteGroups(_) => "by an operator".into(),
            Self::NoteQuorum(_) => "found so by the leader of the quorum".into(),
            Self::Tick => "automatic, by the controller".into(),
            Self::AllocateProducerIds { .. } => "block used up".into(),
            Self::AlterPartitions { .. } => "proposed by the leader".into(),
            Self::FailReplicas { broker, .. } => {
                format!("broker {broker} cannot serve its replicas").into()
            }
            Self::GiveUpLead { broker, .. } => {
                format!("broker {broker} gives the lead up: its disk is full").into()
            }
            Self::ReportLosses { .. } => "a leader was elected uncleanly".into(),
            Self::CompleteHandover { .. } => "handed over by the leader".into(),
            Self::CancelHandover { .. } => "the handover took too long".into(),
            Self::StartPlan { .. }
            | Self::ChangePlan { .. }
            | Self::AlterReassignments { .. }
            | Self::UpdateFeatures { .. }
            | Self::CordonBroker { .. }
            | Self::UncordonBroker { .. }
            | Self::UnregisterBroker { .. }
            | Self::ElectLeaders { .. }
            | Self::SetLeaderPolicy { .. }
            | Self::FreezeLeaders { .. }
            | Self::UnfreezeLeaders { .. }
            | Self::CreateTopics { .. }
            | Self::DeleteTopics { .. }
            | Self::RestoreTopics { .. }
            | Self::PurgeTopics { .. }
            | Self::ProtectTopics { .. }
            | Self::CreatePartitions { .. }
            | Self::AlterConfigs { .. }
            | Self::IncrementalAlterConfigs { .. } => "asked by a client".into(),
        }
    }
}

impl Reply {
    /// The reply once its records were committed at a raft index, which is where epochs come from.
    #[must_use]
    pub fn committed_at(self, index: u64) -> Self {
        if let Self::BrokerRegistered { .. } = self {
            return Self::BrokerRegistered { epoch: BrokerEpoch(index) };
        }
        self
    }
}

/// A decision in the making: the image as it would be if all accepted items were committed, so
/// that each item of a command sees those before it.
pub(super) struct Draft<'a, 't> {
    pub(super) image: MetadataImage,
    pub(super) settings: &'a Settings,
    pub(super) now: TimestampMs,
    pub(super) records: Vec<MetadataRecord>,
    partitions_before: u64,
    turn: &'a mut Turn<'t>,
}

impl<'a, 't> Draft<'a, 't> {
    fn new(image: &MetadataImage, settings: &'a Settings, turn: &'a mut Turn<'t>) -> Self {
        // Time never runs backwards in the history, whatever the clock does.
        let now = turn.now.max(image.changed_at());
        let partitions_before = image.partitions_total();
        let image = image.clone();
        Self { image, settings, now, records: Vec::new(), partitions_before, turn }
    }

    /// Partitions that the items accepted so far add.
    pub(super) fn partitions_added(&self) -> u64 {
        self.image.partitions_total().saturating_sub(self.partitions_before)
    }

    /// Takes an accepted item in.
    pub(super) fn accept(&mut self, records: Vec<MetadataRecord>) -> Result<(), ControlError> {
        let change = Change { time: self.now, reason: String::new(), records };
        self.image = self.image.apply(self.image.applied() + 1, &change).map_err(unfit)?;
        self.records.extend(change.records);
        Ok(())
    }

    /// An id that no topic has.
    pub(super) fn new_topic_id(&mut self) -> TopicId {
        loop {
            let reused = canary::is("topic_id_reused");
            let id = TopicId(if reused { Uuid::from_u128(7) } else { (self.turn.ids)() });
            // Zero stands for "no id" in the Kafka protocol, one for its metadata topic.
            if id.0.as_u128() > 1 && self.image.any_topic(id).is_none() {
                return id;
            }
        }
    }
}

/// A decision that its own image refuses is a fault of the controller, told as such.
fn unfit(err: ApplyError) -> ControlError {
    ControlError::new(ErrorCode::UnknownServerError, format!("the controller erred: {err}"))
}
